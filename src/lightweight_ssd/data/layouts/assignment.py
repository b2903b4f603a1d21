"""Which of a layout's images are for train, val and test: those that it says, or shares of those that it has."""

from collections.abc import Collection
from typing import NamedTuple

from lightweight_ssd.data.layouts.listing import ALL
from lightweight_ssd.data.split import DEFAULT_SPLIT, ImageSplit
from lightweight_ssd.types import SPLITS, Split

__all__ = ["Assigned", "assign", "describe_assignment"]


class Assigned(NamedTuple):
    """Where the images of a split come from.

    Attributes:
        key: Of the layout's parts.
        share: Divides these images; None where all are used.
        split: Whose share it is.
    """

    key: str
    share: ImageSplit | None
    split: Split

    def has(self, path: str) -> bool:
        """Whether an image of the key is in the split."""
        return self.share is None or self.share.has(path, self.split)


def assign(keys: Collection[str], asked: ImageSplit | None = None) -> dict[str, Assigned]:
    """Where each split comes from; one without images is left out.

    Args:
        keys: Of the layout's parts: train, val and test, or `listing.ALL`.
        asked: What `data.split` says: shares of the images to train on, whatever else there is. None takes the layout's
            own splits, and where there is none to validate on, a fifth of the images to train on. Without images to
            test on, those of val are.
    """
    base = "train" if "train" in keys else ALL
    share = asked or (ImageSplit.of(DEFAULT_SPLIT) if "val" not in keys else None)
    shared = {split: Assigned(base, share, split) for split in SPLITS}
    if asked:
        return shared if base in keys else {}
    found = {split: Assigned(split, None, split) for split in SPLITS if split in keys}
    if base in keys and share:
        return {**shared, **{split: one for split, one in found.items() if split == "test"}}
    either = found.get("val") or found.get("test")
    return found | ({split: found.get(split) or either for split in ("val", "test")} if either else {})


def describe_assignment(assigned: dict[str, Assigned]) -> str:
    """One line on what was decided; empty where the layout says it all.

    Example:
        >>> describe_assignment(assign({"train", "val"}))
        'test is val'
        >>> describe_assignment(assign({"all"}))
        'val is 20 % of the images, by a hash of their names; test is val; data.split={val: 0.2, test: 0} changes that'
    """
    val, test = assigned.get("val"), assigned.get("test")
    if val is None or test is None:
        return ""
    same = test == val or (test.share is not None and not test.share.test)
    if val.share is None:
        return f"test is {test.key}" if test.key != "test" else ""
    of = "of the images" if val.key == ALL else "of the images to train on"
    parts = [f"val is {val.share.val:.0%} {of}, by a hash of their names".replace("%", " %")]
    if val.share.groups is not None:
        parts.append(f"images with the same {val.share.groups!r} in their names stay together")
    if test.share is not None:
        parts.append("test is val" if same else f"test is {test.share.test:.0%}".replace("%", " %"))
    return "; ".join([*parts, f"data.split={val.share.setting()} changes that"])
