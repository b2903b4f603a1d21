"""What to say of a split without an object that counts: which one it is, what it has, and what to do."""

from typing import Any

from lightweight_ssd.data.formats.packed import PackedAnnotations

__all__ = ["has_objects", "without_objects"]

_LARGEST_SHARE = 0.4  # of the images, up to which a larger share is worth advising


def has_objects(annotations: PackedAnnotations, split: str) -> bool:
    """Whether there is an object to learn, or outside of training one to measure by."""
    chosen = annotations.of_chosen_classes()
    return not bool((chosen.crowd if split == "train" else chosen.difficult | chosen.crowd).all())


def without_objects(source: Any, split: str, annotations: PackedAnnotations) -> str:
    """The middle of a sentence that begins with the name of the split, for one where `has_objects` is false.

    Args:
        source: The data source.
        split: `train`, `val` or `test`.
        annotations: Of the split.
    """
    count, chosen = len(annotations), getattr(getattr(source, "selection", None), "classes", None)
    images = f"{count:,} image{'' if count == 1 else 's'}"
    of = f" of {', '.join(chosen)}" if chosen else ""
    why = "none at all, or all are crowd regions" + ("" if split == "train" else " or difficult")
    return f"{images}, but no object{of} that counts ({why}): {_advice(source, split)}"


def _advice(source: Any, split: str) -> str:
    if split == "train":
        return "annotate some of its objects, or choose other data.classes"
    if (share := getattr(source, "split", None)) is not None:
        larger = share._replace(val=_larger(share.val), test=_larger(share.test))
        return f"give it more images, such as data.split={larger.setting()}"
    if split == "val" and (val_share := getattr(source, "val_share", None)) is not None:
        return f"give it more images, such as data.val_share={_larger(val_share):g}"
    return "annotate some of its objects, or divide the training images with data.split={val: 0.2, test: 0}"


def _larger(share: float) -> float:
    """Twice as large, as far as enough is left to train on."""
    return max(share, min(2 * share, _LARGEST_SHARE))
