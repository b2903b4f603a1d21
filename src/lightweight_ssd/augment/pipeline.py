"""The one recipe class: named steps in order, a resize to the network's input, boxes that stay valid."""

import os
import random
from collections.abc import Callable
from itertools import groupby
from typing import Any, NamedTuple

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # on import it would look up its newest version on the internet

import albumentations as A
import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8

from lightweight_ssd.ops.planes import is_planar, whole_pixels
from lightweight_ssd.ops.resize import resize
from lightweight_ssd.types import Annotation

__all__ = ["FixedResize", "Pipeline"]

_FEW = 16  # boxes


class FixedResize(A.Resize):
    """Resizes to one size, aspect not kept; see `ops/resize`."""

    def apply_directly(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        boxes: Float32[np.ndarray, "N 4"],
        labels: Int64[np.ndarray, " N"],
        generator: np.random.Generator,
    ) -> tuple[UInt8[np.ndarray, "h w 3"], Float32[np.ndarray, "N 4"], Int64[np.ndarray, " N"]]:
        """The same step without Albumentations around it: boxes are xyxy in pixels."""
        factors = np.array([self.width / image.shape[1], self.height / image.shape[0]] * 2, np.float32)
        return self.apply(image), boxes * factors, labels

    def apply(self, img: np.ndarray, **params: object) -> np.ndarray:
        """Hook of Albumentations: one image."""
        return resize(img, (self.height, self.width), self.interpolation)


class _Validity(NamedTuple):
    """Which boxes stay after a step.

    Attributes:
        min_area: Smallest area inside the image, square pixels.
        min_visibility: Smallest share of a box's area inside the image, 0 to 1.
    """

    min_area: float
    min_visibility: float

    def __call__(
        self, boxes: Float32[np.ndarray, "N 4"], labels: Int64[np.ndarray, " N"], image: np.ndarray
    ) -> tuple[Float32[np.ndarray, "M 4"], Int64[np.ndarray, " M"]]:
        """Boxes cut to the image, without those that are too small, hardly visible, inverted or not finite."""
        height, width = image.shape[:2]
        if self._hold_already(boxes, height, width):
            return boxes, labels
        inside = np.minimum(np.maximum(boxes, 0), np.array([width, height] * 2, np.float32))
        wide, high = (inside[:, 2:] - inside[:, :2]).T
        area = wide * high
        stays = (np.minimum(wide, high) > 0) & (area >= self.min_area)
        if self.min_visibility:
            stays &= area >= self.min_visibility * (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        return (inside, labels) if stays.all() else (inside[stays], labels[stays])

    def _hold_already(self, boxes: Float32[np.ndarray, "N 4"], height: int, width: int) -> bool:
        """Whether all boxes clearly stay as they are: for a few, Python says so faster than NumPy."""
        least = 1.001 * self.min_area  # a product of Python's floats is not rounded as one of NumPy's float32
        return len(boxes) <= _FEW and all(
            0 <= left < right <= width and 0 <= top < bottom <= height and (right - left) * (bottom - top) >= least
            for left, top, right, bottom in boxes.tolist()
        )


class _Foreign:
    """Albumentations transforms in a row, behind the call of this project's own steps.

    Their randomness is replaced: Albumentations gives each worker the same stream otherwise. The row number of a box,
    not its label, travels through Albumentations, which turns labels into floats.
    """

    def __init__(self, transforms: list[Any], validity: _Validity) -> None:
        self.compose = A.Compose(transforms)
        self.moves_boxes = "bboxes" in self.compose.available_keys
        if self.moves_boxes:
            # Boxes arrive valid; a hair of Albumentations' own rounding would still raise without the first two.
            boxes = A.BboxParams("pascal_voc", clip=True, filter_invalid_bboxes=True, **validity._asdict())
            self.compose = A.Compose(transforms, bbox_params=boxes)

    def apply_directly(
        self,
        image: np.ndarray,
        boxes: Float32[np.ndarray, "N 4"],
        labels: Int64[np.ndarray, " N"],
        generator: np.random.Generator,
    ) -> tuple[np.ndarray, Float32[np.ndarray, "M 4"], Int64[np.ndarray, " M"]]:
        self.compose.set_random_state(generator, random.Random(int(generator.integers(2**63))))
        image = whole_pixels(image)
        if not self.moves_boxes:
            return self.compose(image=image)["image"], boxes, labels
        rows = np.column_stack([boxes, np.arange(len(boxes), dtype=np.float32)])
        result = self.compose(image=image, bboxes=rows)
        kept = result["bboxes"].reshape(-1, rows.shape[1] if len(result["bboxes"]) else 4)
        chosen = kept[:, -1].astype(np.int64) if len(kept) else np.zeros(0, np.int64)
        return result["image"], np.ascontiguousarray(kept[:, :4], dtype=np.float32), labels[chosen]


class Pipeline:
    """Turns a decoded image and its boxes into the network's input, as a pure function of the given generator.

    Steps run in the order of their keys. Two kinds exist: any Albumentations transform, and *mixing* steps such as
    Mosaic, which draw further images through the data set and therefore always run first, wherever their key stands.
    The resize is not a step: it follows the step named `resize_after` (steps before it see the whole image, later and
    mostly pixel-wise ones the small one, which is cheaper) or comes first if there is no such step. With no steps at
    all, this is the pipeline of evaluation.

    This project's transforms are called by their `apply_directly`, since Albumentations' bookkeeping costs more than
    their work; other transforms that follow each other share one `A.Compose`. All randomness comes from the
    generator of the call. After each step, boxes are cut to the image and those that are too small are dropped.

    Args:
        steps: Step by name; None disables one.
        image_size: Input of the network, pixels: height and width, or one number for both.
        resize_after: Name of the last step that works on the image at its own size.
        min_area: Smallest area of a box after each transform, square pixels.
        min_visibility: Smallest share of a box's area that each transform must leave inside the image, 0 to 1.

    Raises:
        ValueError: If a size is not positive, or a step is neither a transform nor callable; on a call, if a step after
            the resize changes the size.
    """

    def __init__(
        self,
        steps: dict[str, object | None],
        image_size: int | tuple[int, int] | list[int],
        resize_after: str = "crop",
        min_area: float = 1.0,
        min_visibility: float = 0.0,
    ) -> None:
        size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"Expected image_size as one positive number or (height, width), but got {image_size}.")
        self.image_size: tuple[int, int] = (size[0], size[1])
        self.steps = {name: step for name, step in steps.items() if step is not None}
        for name, step in self.steps.items():
            if not callable(step):
                raise ValueError(
                    f"Expected augment.steps.{name} to be a transform with a `_target_`, but got {step!r}."
                )
        self.mixers: list[Callable] = [
            step for step in self.steps.values() if callable(step) and not _is_transform(step)
        ]
        self.validity = _Validity(min_area, min_visibility)
        self.stages = self._stages(resize_after)

    def __call__(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        boxes: Float32[np.ndarray, "N 4"],
        labels: Int64[np.ndarray, " N"],
        generator: np.random.Generator,
        epoch: int = 0,
        draw: Callable[[int], tuple[np.ndarray, Annotation]] | None = None,
        count: int = 0,
    ) -> tuple[UInt8[np.ndarray, "h w 3"], Float32[np.ndarray, "M 4"], Int64[np.ndarray, " M"]]:
        """Augments one image.

        Args:
            image: RGB; only read, so that it may be a view of a cache.
            boxes: xyxy, pixels of `image`.
            labels: Class index of each box.
            generator: Source of all randomness of this sample.
            epoch: From 0, for steps that change in the course of the training.
            draw: Reads image number i of those on offer, with its annotation; needed by mixing steps only.
            count: Number of images that `draw` can read.

        Returns:
            Image of `image_size`, with either its pixels or its planes contiguous (see `ops.planes`), the boxes that
            are left in its pixels, their labels.
        """
        for mixer in self.mixers:
            image, boxes, labels = mixer(
                image, boxes, labels, generator=generator, epoch=epoch, draw=draw, count=count, size=self.image_size
            )
        boxes, labels = _Validity(0.0, 0.0)(boxes, labels, image)
        for stage in self.stages:
            image, moved, labels = stage.apply_directly(image, boxes, labels, generator)
            if moved is not boxes:
                boxes, labels = self.validity(moved, labels, image)
        if image.shape[:2] != self.image_size:
            raise ValueError(
                f"Expected {self.image_size} (height, width) after the last step, but got {image.shape[:2]}: set "
                "augment.resize_after to the last step that changes the size."
            )
        return image if is_planar(image) else np.ascontiguousarray(image), boxes, labels

    def _stages(self, resize_after: str) -> list[Any]:
        """Objects with `apply_directly`, in order: own steps, runs of other transforms, and the resize in its place."""
        named = {name: step for name, step in self.steps.items() if _is_transform(step)}
        place = list(named).index(resize_after) + 1 if resize_after in named else 0
        resize = FixedResize(*self.image_size, interpolation=cv2.INTER_LINEAR, p=1.0)
        transforms = list(named.values())
        rows = [(own, [*row]) for own, row in groupby([*transforms[:place], resize, *transforms[place:]], _is_own)]
        return [stage for own, row in rows for stage in (row if own else [_Foreign(row, self.validity)])]


def _is_transform(step: object) -> bool:
    return isinstance(step, A.BasicTransform | A.BaseCompose)


def _is_own(step: object) -> bool:
    """Whether a step can be called directly: a class derived from it may override what only Albumentations calls."""
    return "apply_directly" in vars(type(step))
