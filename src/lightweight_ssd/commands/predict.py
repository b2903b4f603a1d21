"""`lssd predict`: a checkpoint's detections on images, drawn and as JSON."""

import dataclasses
import glob
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.paths import CONF_DIR

if TYPE_CHECKING:  # torch and albumentations take seconds to import, which `--help` should not
    import numpy as np

    from lightweight_ssd.augment.pipeline import Pipeline
    from lightweight_ssd.detector.ssd import Detector
    from lightweight_ssd.tensor_types import Detections

__all__ = ["find_images", "main", "picture_names", "predict"]

_EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_RESULTS = "predictions.json"


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="predict")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd predict`; ends with code 1 if an image could not be read."""
    with one_sentence_errors("lssd predict"):
        for key, example in {"checkpoint": "RUN/checkpoints/best.ckpt", "source": "IMAGE, FOLDER or GLOB"}.items():
            if OmegaConf.is_missing(cfg, key) or cfg[key] is None:
                raise ValueError(f"Expected a {key}; give {key}={example}.")
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        found, broken = predict(config)
        _summarise(config, found, broken)
        if broken:
            raise SystemExit(1)


def predict(config: dict[str, Any]) -> tuple[list[dict[str, Any]], list[Path]]:
    """Detects, draws and writes.

    Args:
        config: As composed from `conf/predict.yaml`, plain containers.

    Returns:
        What stands in `predictions.json`, one entry per image, and the images that could not be read.

    Raises:
        ValueError, FileNotFoundError: For a setting that cannot be met.
    """
    from tqdm import tqdm

    from lightweight_ssd.augment.pipeline import Pipeline
    from lightweight_ssd.checkpoint.load import load_detector
    from lightweight_ssd.system.device import choose_device
    from lightweight_ssd.system.json_file import write_json

    _check(config)
    sources, device = find_images(str(config["source"])), choose_device(str(config["device"]))
    detector, trained, class_names = load_detector(config["checkpoint"])
    categories = _categories(config["checkpoint"], class_names)
    detector.postprocess = dataclasses.replace(detector.postprocess, score_threshold=config["score_threshold"])
    detector, resize = detector.to(device), Pipeline({}, trained["image_size"])
    output = _output_folder(config["output"], sources)
    names = picture_names(sources)
    entries, broken = [], []
    with tqdm(total=len(sources), unit="image", desc="predict") as progress:
        for batch in _batches(sources, config["batch_size"]):
            images = _read(batch, broken)
            for path, detections in _detect(detector, resize, images).items():
                entries.append(_entry(path, images[path], detections, categories, names[path]))
                _draw(output / names[path], images[path], detections, class_names)
            progress.update(len(batch))
    write_json(output / _RESULTS, entries)
    return entries, broken


def _summarise(config: dict[str, Any], found: list[dict[str, Any]], broken: list[Path]) -> None:
    count, total = sum(len(entry["detections"]) for entry in found), len(found) + len(broken)
    print(f"{len(found)} of {total} images, {count} detections above score {config['score_threshold']:g}")
    print(f"pictures:    {config['output']}\ndetections:  {Path(config['output']) / _RESULTS}")
    if broken:
        print(f"lssd predict: skipped {len(broken)} of {total} images, named above.", file=sys.stderr)


def find_images(source: str) -> list[Path]:
    """Image files, sorted by path.

    Args:
        source: An image file, a folder (not those inside it), or a glob, where `**` means any folders.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the source is a file of another kind.
    """
    path, kinds = Path(source), ", ".join(extension[1:] for extension in _EXTENSIONS)
    if path.is_file():
        if path.suffix.lower() not in _EXTENSIONS:
            raise ValueError(f"Expected an image ({kinds}) for source=… but got {source}.")
        return [path]
    # Path.glob takes no absolute pattern.
    candidates = path.iterdir() if path.is_dir() else map(Path, glob.glob(source, recursive=True))  # noqa: PTH207
    # Not is_file: a dangling link shall be named as broken, not passed over.
    images = sorted(file for file in candidates if file.suffix.lower() in _EXTENSIONS and not file.is_dir())
    if not images:
        raise FileNotFoundError(f"There is no image ({kinds}) at source={source}; give an image, a folder or a glob.")
    return images


def picture_names(sources: list[Path]) -> dict[Path, str]:
    """A name per source for its picture, all different also where a file system ignores case.

    Example:
        >>> list(picture_names([Path("a/cat.png"), Path("b/Cat.jpg"), Path("b/dog.jpg")]).values())
        ['cat.jpg', 'Cat-2.jpg', 'dog.jpg']
    """
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for source in sources:
        stem, number = source.stem, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{source.stem}-{number}"
        taken.add(stem.casefold())
        names[source] = f"{stem}.jpg"
    return names


def _check(config: dict[str, Any]) -> None:
    threshold, batch_size = config["score_threshold"], config["batch_size"]
    if not isinstance(threshold, int | float) or not 0 <= threshold < 1:
        raise ValueError(f"Expected score_threshold from 0 to below 1 but got {threshold}.")
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"Expected batch_size as a whole number of at least 1 but got {batch_size}.")


def _categories(checkpoint: str, class_names: list[str]) -> list[dict[str, Any]]:
    """Id and name of each label, as in the data that the detector was trained on."""
    from lightweight_ssd.checkpoint.load import load_checkpoint

    ids = load_checkpoint(checkpoint)["hyper_parameters"].get("category_ids") or range(1, len(class_names) + 1)
    return [{"category_id": number, "class_name": name} for number, name in zip(ids, class_names, strict=True)]


def _output_folder(output: str, sources: list[Path]) -> Path:
    """The folder to write in, which must not be one that images are read from: a picture could replace its source."""
    from lightweight_ssd.system.output_folder import make_output_folder

    folder = Path(output)
    if folder.resolve() in {source.parent.resolve() for source in sources}:
        raise ValueError(f"Expected another folder for output=… than one that images are read from but got {folder}.")
    return make_output_folder(folder)


def _batches(sources: list[Path], size: int) -> Iterator[list[Path]]:
    for start in range(0, len(sources), size):
        yield sources[start : start + size]


def _read(batch: list[Path], broken: list[Path]) -> dict[Path, "np.ndarray"]:
    """The images of a batch; those that cannot be read are named and go to `broken`."""
    from tqdm import tqdm

    from lightweight_ssd.data.images.reader import read_image

    images = {}
    for path in batch:
        try:
            images[path] = read_image(path, upright=True)
        except (ValueError, OSError) as error:
            tqdm.write(f"lssd predict: skipped: {error}", file=sys.stderr)
            broken.append(path)
    return images


def _detect(detector: "Detector", resize: "Pipeline", images: dict[Path, "np.ndarray"]) -> dict[Path, "Detections"]:
    """Detections of each image, on the CPU, in pixels of the image file."""
    import numpy as np
    import torch

    from lightweight_ssd.tensor_types import Detections

    if not images:
        return {}
    none, generator = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64)), np.random.default_rng(0)
    resized = [resize(image, *none, generator=generator)[0] for image in images.values()]
    batch = torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).to(detector.mean.device)
    height, width = resize.image_size
    detections = {}
    for (path, image), found in zip(images.items(), detector.predict(batch), strict=True):
        scale = torch.tensor([image.shape[1] / width, image.shape[0] / height] * 2)
        detections[path] = Detections(found.boxes.cpu() * scale, found.scores.cpu(), found.labels.cpu())
    return detections


def _entry(
    path: Path, image: "np.ndarray", detections: "Detections", categories: list[dict[str, Any]], picture: str
) -> dict[str, Any]:
    """What `predictions.json` says of an image; boxes are xyxy in its pixels."""
    rows = zip(*(values.tolist() for values in detections), strict=True)
    found = [{"label": label, **categories[label], "score": score, "box": box} for box, score, label in rows]
    height, width = image.shape[:2]
    return {"file": str(path), "picture": picture, "width": width, "height": height, "detections": found}


def _draw(target: Path, image: "np.ndarray", detections: "Detections", class_names: list[str]) -> None:
    from PIL import Image

    from lightweight_ssd.plots.detections import draw_boxes

    boxes, scores, labels = (values.numpy() for values in detections)
    Image.fromarray(draw_boxes(image, boxes, labels, class_names, scores)).save(target, quality=92)
