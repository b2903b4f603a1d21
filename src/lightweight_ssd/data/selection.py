"""Which part of a data set is used: some of its classes, and some of its training images.

Objects of the other classes become background, or are ignored as far as that goes (see `types.OTHER_CLASS`). An image
whose objects are all of other classes stays, and teaches what the classes do not look like, unless it is dropped.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.nearest_name import nearest_name
from lightweight_ssd.types import OTHER_CLASS, Split

__all__ = ["Selection", "check_val_share", "hold_out", "is_held_out"]

_OTHER_CLASSES = ("background", "ignore")
_EMPTY_IMAGES = ("keep", "drop")


@dataclass(frozen=True)
class Selection:
    """What is used of a data set.

    Attributes:
        classes: Names of the classes to detect, in the order of the labels; None = all.
        other_classes: What objects of the other classes are: `background`, or `ignore`.
        empty_images: Training images without an object to learn: `keep` them as background, or `drop` them.

    Raises:
        ValueError: A setting is unknown, no class is named or one is twice, or nothing is there to be ignored.
    """

    classes: tuple[str, ...] | None = None
    other_classes: str = "background"
    empty_images: str = "keep"

    @classmethod
    def of(cls, classes: Sequence[str] | str | None, other_classes: str, empty_images: str) -> "Selection":
        """From the settings as they were given; one class may stand without a list around it."""
        chosen = None if classes is None else [classes] if isinstance(classes, str | int) else classes
        return cls(None if chosen is None else tuple(str(name) for name in chosen), other_classes, empty_images)

    def __post_init__(self) -> None:
        options = (
            ("other_classes", self.other_classes, _OTHER_CLASSES),
            ("empty_images", self.empty_images, _EMPTY_IMAGES),
        )
        for name, value, known in options:
            if value not in known:
                raise ValueError(f"Expected data.{name} to be one of {', '.join(known)}, but got {value!r}.")
        if self.classes is None and self.other_classes == "ignore":
            raise ValueError(
                "Expected data.classes with data.other_classes=ignore, but got none, so no class is another one: name "
                "the classes to detect, such as data.classes=[cat,dog]."
            )
        if self.classes is not None and (not self.classes or len(set(self.classes)) != len(self.classes)):
            raise ValueError(
                f"Expected data.classes to be different names, at least one, but got {list(self.classes)}: name the "
                "classes to detect, or give null for all."
            )

    def names(self, known: Sequence[str]) -> tuple[str, ...]:
        """The name of each label.

        Args:
            known: All class names of the data set.

        Raises:
            ValueError: A chosen class is not among them.
        """
        return tuple(known[place] for place in self._places(known))

    def ids(self, known: Sequence[str], ids: Sequence[int]) -> tuple[int, ...]:
        """The category id of each label, which stays that of the data set.

        Args:
            known: All class names of the data set.
            ids: Their category ids.
        """
        return tuple(ids[place] for place in self._places(known))

    def apply(self, annotations: PackedAnnotations, split: Split) -> PackedAnnotations:
        """What is used of a split.

        Raises:
            ValueError: A chosen class is not among the data set's; or no training image is left.
        """
        chosen = annotations if self.classes is None else self._choose(annotations)
        return self._without_empty_images(chosen) if split == "train" and self.empty_images == "drop" else chosen

    def describe(self, known: Sequence[str]) -> str:
        """One line on the chosen classes; empty where all are used.

        Example:
            >>> Selection(("dog",)).describe(("cat", "dog"))
            'classes: dog (1 of 2; objects of the others are background)'
        """
        if self.classes is None:
            return ""
        others = "ignored" if self.other_classes == "ignore" else "background"
        count = f"{len(self.classes)} of {len(known)}; objects of the others are {others}"
        return f"classes: {', '.join(self.classes)} ({count})"

    def _places(self, known: Sequence[str]) -> list[int]:
        """Of the chosen names among all."""
        if self.classes is None:
            return list(range(len(known)))
        place = {str(name): number for number, name in enumerate(known)}
        for name in self.classes:
            if name not in place:
                near = nearest_name(name, known)
                advice = f"did you mean {near!r}?" if near else f"choose among {', '.join(map(str, known))}."
                raise ValueError(
                    f"Expected data.classes among the data set's {len(known)} classes, but got {name!r}: {advice}"
                )
        return [place[name] for name in self.classes]

    def _choose(self, annotations: PackedAnnotations) -> PackedAnnotations:
        known, places = annotations.class_names, self._places(annotations.class_names)
        label_of = np.full(len(known), OTHER_CLASS)
        label_of[places] = np.arange(len(places))
        labels = label_of[annotations.labels]
        others = labels == OTHER_CLASS
        chosen = replace(
            annotations,
            class_names=self.names(known),
            category_ids=self.ids(known, annotations.category_ids),
            labels=labels,
            difficult=annotations.difficult | others,
        )
        return chosen if self.other_classes == "ignore" else chosen.keep_objects(~others)

    def _without_empty_images(self, annotations: PackedAnnotations) -> PackedAnnotations:
        learned = ~annotations.crowd & (annotations.labels != OTHER_CLASS)
        counts = np.diff(np.concatenate([[0], np.cumsum(learned)])[annotations.offsets])
        if not counts.any():
            raise ValueError(
                f"Expected training images with objects of {', '.join(annotations.class_names)}, but none has any: "
                "choose other classes, or data.empty_images=keep."
            )
        return annotations if counts.all() else annotations.take(np.flatnonzero(counts))


def check_val_share(share: Any) -> None:
    """Refuses a share that leaves no images on one side.

    Raises:
        ValueError: It is no number between 0 and 1.
    """
    fits = isinstance(share, int | float) and not isinstance(share, bool) and 0 < share < 1
    if share is not None and not fits:
        raise ValueError(
            f"Expected data.val_share above 0 and below 1, or null, but got {share!r}: 0.1 keeps a tenth of the "
            "training images apart for validation."
        )


def is_held_out(path: str, share: float) -> bool:
    """Whether an image is kept apart: by a hash of its file name, so the same ones in every run and on every machine.

    Args:
        path: Of the image.
        share: Of all images, above 0 and below 1.
    """
    digest = hashlib.sha256(Path(path).stem.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def hold_out(annotations: PackedAnnotations, share: float, split: Split) -> PackedAnnotations:
    """The training images without those that are kept apart for validation, or these alone.

    Args:
        annotations: Of all training images.
        share: That is kept apart.
        split: `train` or `val`.

    Raises:
        ValueError: No image is left on this side.
    """
    apart = np.array([is_held_out(path, share) for path in annotations.paths()], dtype=bool)
    chosen = np.flatnonzero(apart if split == "val" else ~apart)
    if not len(chosen):
        raise ValueError(
            f"Expected images for {split} with data.val_share={share}, but none of {len(annotations)} images is left "
            "for it: give another share."
        )
    return annotations.take(chosen)
