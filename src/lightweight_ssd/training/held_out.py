"""Whether a checkpoint is measured on images that it was chosen by, so that its metrics flatter it."""

from pathlib import Path
from typing import Any

from lightweight_ssd.checkpoint.targets import check_targets
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.source import Source
from lightweight_ssd.runs.files import BEST_CHECKPOINT
from lightweight_ssd.training.datamodule import DetectionDataModule

__all__ = ["chosen_on", "images_that_chose", "tell_if_chosen_on_test"]

_DRAWN = "lightweight_ssd.data.shapes."
_SAME_IMAGES = {"_target_", "root", "cache", "cache_dir", "cache_side", "num_threads", "on_bad", "box_tolerance"}


def tell_if_chosen_on_test(data: DetectionDataModule) -> None:
    """Prints a line where validation and test have images in common.

    Both splits are read for it, so that what is wrong in their annotations is told before the first step.

    Raises:
        FileNotFoundError, ValueError: Of the annotations of either split.
    """
    val, test = (data.used_split(split) for split in ("val", "test"))
    count = _in_common(val, test)
    if not count:
        return
    same = count == len(val) == len(test)
    what = "val and test are the same images" if same else f"{count:,} of {len(test):,} test images are val images, too"
    print(f"{what}: the best checkpoint is chosen on the images that it is tested on{_advice(data.source)}", flush=True)


def _advice(source: Any) -> str:
    if hasattr(source, "val_share"):
        return "; data.val_share=0.1 validates on a tenth of the training images instead"
    if hasattr(source, "split"):
        return "; data.split={val: 0.2, test: 0.1} keeps other images apart for the test"
    return ""


def chosen_on(checkpoint: Path, measured: PackedAnnotations, chose: PackedAnnotations | None) -> dict[str, bool]:
    """What `results.json` says of it: whether a best checkpoint was chosen by some of the images that are measured.

    Args:
        checkpoint: Only `best.ckpt` was chosen.
        measured: The images that its metrics are of.
        chose: The images of the validation that chose it; None where they are not known.

    Returns:
        `chosen_on_test`, or nothing where nobody chose or nobody knows.
    """
    if checkpoint.name != BEST_CHECKPOINT.name or chose is None:
        return {}
    return {"chosen_on_test": _in_common(chose, measured) > 0}


def images_that_chose(
    checkpoint: Path, config: dict[str, Any], source: Source, asked: dict[str, Any]
) -> PackedAnnotations | None:
    """The validation images of the training, where the data that is measured now lies.

    Args:
        checkpoint: That is measured.
        config: From the checkpoint.
        source: That is measured.
        asked: What was asked for in place of the checkpoint's own settings of `data`.

    Returns:
        None where nobody chose, or where they cannot be told: the data is of another class, or is not there.
    """
    data = config.get("data")
    if checkpoint.name != BEST_CHECKPOINT.name or not isinstance(data, dict):
        return None
    if asked.get("_target_", data.get("_target_")) != data.get("_target_"):
        return None
    try:
        if any(asked[key] != data.get(key) for key in asked.keys() - _SAME_IMAGES):
            if str(data.get("_target_")).startswith(_DRAWN):  # it would draw them
                return None
            check_targets(config, "data", checkpoint)
            source = build({**data, "cache_dir": None, "root": asked.get("root", data.get("root"))})
        return source.annotations("val").first(config["datamodule"]["first_images"])
    except (FileNotFoundError, ValueError):  # what is measured is not there but elsewhere
        return None


def _in_common(one: PackedAnnotations, other: PackedAnnotations) -> int:
    return len({*one.paths()} & {*other.paths()})
