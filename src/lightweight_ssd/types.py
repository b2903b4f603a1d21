"""What every package shares, numpy only: one image's annotation, one sample's key, boxes as COCO's files have them."""

from typing import Final, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

__all__ = [
    "FILE_DECIMALS",
    "IGNORED_AREA",
    "OTHER_CLASS",
    "SPLITS",
    "Annotation",
    "SampleKey",
    "Split",
    "xywh_to_xyxy",
    "xyxy_to_xywh",
]

Split = Literal["train", "val", "test"]

SPLITS: Final[tuple[Split, ...]] = ("train", "val", "test")
"""What a data set is divided into, in the order in which it is read."""

FILE_DECIMALS: Final = 3
"""Decimals of boxes and areas, in pixels, in the files of a run and in the COCO metric, so that both say the same."""

IGNORED_AREA: Final = 1e11
"""Square pixels; COCO's tool ignores an object so large, since its range of all areas ends at 1e10."""


OTHER_CLASS: Final = -2
"""Label of an object that is ignored, since its class is not among the chosen ones: nothing is learned from it, and
evaluation counts a detection on it neither way. (−1 is the padding of a batch.)"""


class Annotation(NamedTuple):
    """What is known of one image before any augmentation.

    Attributes:
        image_id: Integer id, unique in its split; the `image_id` of COCO results files.
        path: Image file, absolute.
        height: Rows of the image file, pixels.
        width: Columns of the image file, pixels.
        boxes: xyxy, in pixels of the image file, continuous coordinates that start at 0.
        labels: Class index, from 0; there is no background class. `OTHER_CLASS` for an object that is to be ignored
            since its class was not chosen (`data.other_classes=ignore`); such an object is difficult, too.
        difficult: Objects that evaluation counts neither way; training learns them like others (VOC's `difficult`).
        crowd: Regions of many objects under one box, which are not ground truth: training leaves them out, and
            evaluation counts a detection inside neither way (COCO's `iscrowd`).
        areas: Area by which an object counts as small or large, square pixels: of its mask where there is one.
    """

    image_id: int
    path: str
    height: int
    width: int
    boxes: Float32[np.ndarray, "N 4"]
    labels: Int64[np.ndarray, " N"]
    difficult: Bool[np.ndarray, " N"]
    crowd: Bool[np.ndarray, " N"]
    areas: Float32[np.ndarray, " N"]

    @classmethod
    def of_boxes(
        cls,
        image_id: int,
        path: str,
        height: int,
        width: int,
        boxes: Float32[np.ndarray, "N 4"],
        labels: Int64[np.ndarray, " N"],
        difficult: Bool[np.ndarray, " N"] | None = None,
    ) -> "Annotation":
        """An annotation without crowds and masks: areas are the boxes'; `difficult` is False where not given."""
        none = np.zeros(len(boxes), dtype=bool)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        return cls(image_id, path, height, width, boxes, labels, none if difficult is None else difficult, none, areas)

    @property
    def ignored(self) -> Bool[np.ndarray, " N"]:
        """Objects that mean average precision counts neither way: the difficult ones and the crowds."""
        return self.difficult | self.crowd

    def of_chosen_classes(self) -> "Annotation":
        """The same without the objects of `OTHER_CLASS`."""
        return self.objects(self.labels != OTHER_CLASS)

    def in_every_class(self, classes: int) -> "Annotation":
        """The same with each object of `OTHER_CLASS` once in every class: a detection of any class on it is ignored.

        So metrics, and tools that read the files of a run, need no rule of their own for such objects.

        Args:
            classes: Number of classes.

        Example:
            >>> boxes = np.array([[0, 0, 9, 9], [0, 0, 5, 5]], np.float32)
            >>> one = Annotation.of_boxes(1, "a.jpg", 9, 9, boxes, np.array([1, OTHER_CLASS]), np.array([False, True]))
            >>> one.in_every_class(3).labels.tolist()
            [1, 0, 1, 2]
        """
        other = self.labels == OTHER_CLASS
        if not other.any():
            return self
        known, others = np.flatnonzero(~other), np.flatnonzero(other)
        labels = np.concatenate([self.labels[known], np.tile(np.arange(classes), len(others))])
        return self.objects(np.concatenate([known, np.repeat(others, classes)]))._replace(labels=labels)

    def objects(self, chosen: Bool[np.ndarray, " N"] | Int64[np.ndarray, " M"]) -> "Annotation":
        """These objects alone, by a mask or by their indices."""
        names = ("boxes", "labels", "difficult", "crowd", "areas")
        return self._replace(**{name: getattr(self, name)[chosen] for name in names})


class SampleKey(NamedTuple):
    """Which sample, drawn when: all that a data set needs to repeat it exactly, in any worker and after a resume.

    Attributes:
        epoch: Epoch, from 0.
        position: Place in the order of the whole epoch, over all ranks, from 0.
        index: Index of the image in its split.
        near: Indices of the images in whose company this one is read, itself among them: Mosaic draws its partners
            from these, so that each is decoded once for all. Empty = from the whole split.
    """

    epoch: int
    position: int
    index: int  # pyright: ignore[reportIncompatibleMethodOverride]  # a tuple's method of this name is not missed
    near: tuple[int, ...] = ()


def xyxy_to_xywh(boxes: Float[np.ndarray, "*N 4"]) -> Float64[np.ndarray, "*N 4"]:
    """Boxes by two corners as COCO writes them: left, top, width, height.

    In float64, so that adding width and height to the corner gives back the same float32 box.

    Args:
        boxes: Pixels; one box, or any number of them.

    Example:
        >>> xyxy_to_xywh(np.array([[10.0, 20.0, 40.0, 80.0]])).tolist()
        [[10.0, 20.0, 30.0, 60.0]]
    """
    corners = boxes.astype(np.float64)
    return np.concatenate([corners[..., :2], corners[..., 2:] - corners[..., :2]], axis=-1)


def xywh_to_xyxy(boxes: Float[np.ndarray, "*N 4"]) -> Float64[np.ndarray, "*N 4"]:
    """The inverse of `xyxy_to_xywh`, in float64; a sum beyond the largest float is infinite, without a warning.

    Args:
        boxes: Pixels; one box, or any number of them.

    Example:
        >>> xywh_to_xyxy(np.array([[10.0, 20.0, 30.0, 60.0]])).tolist()
        [[10.0, 20.0, 40.0, 80.0]]
    """
    corners = boxes.astype(np.float64)
    with np.errstate(over="ignore"):
        return np.concatenate([corners[..., :2], corners[..., :2] + corners[..., 2:]], axis=-1)
