"""Whether a run is tested on images that its checkpoint was chosen by, so that its metrics flatter it."""

from typing import Any

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.training.datamodule import DetectionDataModule

__all__ = ["tell_if_chosen_on_test", "tested_and_validated"]


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


def tested_and_validated(data: DetectionDataModule) -> int:
    """How many images of the test are images of the validation, too; both splits are loaded."""
    return _in_common(data.datasets["val"].annotations, data.datasets["test"].annotations)


def _in_common(one: PackedAnnotations, other: PackedAnnotations) -> int:
    return len({*one.paths()} & {*other.paths()})
