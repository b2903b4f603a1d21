"""`lssd data show`: a contact sheet of augmented samples with their boxes, each beside its image as it lies on disk."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.overrides import name_first_argument
from lightweight_ssd.config.paths import CONF_DIR

if TYPE_CHECKING:  # torch and matplotlib take seconds to import, which `--help` should not
    import numpy as np

    from lightweight_ssd.data.dataset import Sample
    from lightweight_ssd.types import Annotation

__all__ = ["main", "show"]

_SPLITS = ("train", "val", "test")
_SIDE = 320  # pixels of a picture's longer side on the sheet: labels are drawn at this size, so that all are alike


def main() -> None:
    """Entry point of `lssd data show`."""
    name_first_argument("data")
    _main()


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="data_show")
def _main(cfg: DictConfig) -> None:
    with one_sentence_errors("lssd data show"):
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        choices = HydraConfig.get().runtime.choices
        written, count = show(config, f"data={choices['data']} augment={choices['augment']}")
        images = "1 image" if count == 1 else f"{count} images"
        print(f"{images}, left as on disk, right as training sees them: {written}")


def show(config: dict[str, Any], title: str) -> tuple[Path, int]:
    """Draws the contact sheet.

    Args:
        config: As composed from `conf/data_show.yaml`, plain containers.
        title: What was chosen, for the head of the sheet.

    Returns:
        The picture's file and how many images are on it.

    Raises:
        ValueError, FileNotFoundError: For a setting that cannot be met, data that cannot be read, or a full disk.
    """
    import numpy as np

    from lightweight_ssd.config.instantiate import build
    from lightweight_ssd.data.dataset import DetectionDataset
    from lightweight_ssd.plots.contact_sheet import contact_sheet
    from lightweight_ssd.plots.style import save
    from lightweight_ssd.system.disk_space import one_sentence_when_full
    from lightweight_ssd.types import SampleKey

    _check(config)
    output, split = _output_file(config["output"]), config["split"]
    source = build(config["data"])
    annotations = source.annotations(split)
    dataset = DetectionDataset(annotations, build(config["augment"]), config["seed"], on_bad=source.on_bad)
    chosen = np.random.default_rng(config["seed"]).permutation(len(dataset))[: config["images"]]
    keys = [SampleKey(0, position, index) for position, index in enumerate(chosen.tolist())]
    before, after, captions = zip(*(_pair(dataset[key], annotations.class_names) for key in keys), strict=True)
    head = f"{title} split={split} seed={config['seed']}: {len(chosen)} of {len(dataset):,} images"
    sheet = contact_sheet(before, after, captions, head)
    with one_sentence_when_full(output, "make room, or name another output=…, and call the same command again."):
        return save(sheet, output), len(chosen)


def _check(config: dict[str, Any]) -> None:
    if config["split"] not in _SPLITS:
        raise ValueError(f"Expected split to be one of {', '.join(_SPLITS)}, but got {config['split']}.")
    for key, (least, most) in {"images": (1, 400), "seed": (0, 2**63 - 1)}.items():
        if not isinstance(config[key], int) or not least <= config[key] <= most:
            raise ValueError(f"Expected {key} as a whole number from {least} to {most}, but got {config[key]}.")


def _output_file(output: str) -> Path:
    """The file to write, known to be writable before anything is read."""
    from lightweight_ssd.system.output_folder import make_output_folder

    path = Path(output)
    if path.suffix.lower() != ".png" or path.is_dir():
        raise ValueError(f"Expected a PNG file for output=… but got {path}; give output=contact_sheet.png.")
    return make_output_folder(path.parent) / path.name


def _pair(sample: "Sample", names: tuple[str, ...]) -> tuple["np.ndarray", "np.ndarray", tuple[str, str]]:
    """The image as it lies on disk, the sample as training gets it, and what stands above them."""
    after = _draw(sample.image.permute(1, 2, 0).numpy(), sample.boxes.numpy(), sample.labels.numpy(), names)
    captions = _caption(sample.annotation), f"→ {_boxes(len(sample.boxes))}"
    return _as_on_disk(sample.annotation, names), after, captions


def _as_on_disk(one: "Annotation", names: tuple[str, ...]) -> "np.ndarray":
    """The whole image; difficult objects and crowds are named as such."""
    import numpy as np

    from lightweight_ssd.data.images.reader import read_image

    image = read_image(one.path, expected_size=(one.height, one.width))
    words = (*names, *(f"{name} (difficult)" for name in names), *(f"{name} (crowd)" for name in names))
    return _draw(image, one.boxes, one.labels + len(names) * np.where(one.crowd, 2, one.difficult), words)


def _draw(image: "np.ndarray", boxes: "np.ndarray", labels: "np.ndarray", names: tuple[str, ...]) -> "np.ndarray":
    import cv2

    from lightweight_ssd.plots.detections import draw_boxes

    scale = _SIDE / max(image.shape[:2])
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return draw_boxes(resized, boxes * scale, labels, names)


def _caption(annotation: "Annotation") -> str:
    name = "".join(letter if letter.isprintable() else "?" for letter in Path(annotation.path).name)
    shown = name if len(name) <= 20 else f"…{name[-19:]}"
    return f"{shown}  {annotation.width}×{annotation.height}, {_boxes(len(annotation.boxes))}".replace("$", r"\$")


def _boxes(count: int) -> str:
    return f"{count} box{'' if count == 1 else 'es'}"
