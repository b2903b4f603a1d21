"""`Model`: a trained detector as an object that takes images in any form and gives detections in their pixels.

What runs the network is for a subclass: PyTorch in `checkpoint_model`, the runtime of an exported file in
`exported_model`. Nothing here needs PyTorch.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, overload

import numpy as np
from jaxtyping import UInt8

from lightweight_ssd.config.arguments import Count, Overlap, Seconds, Share, checked
from lightweight_ssd.ops.resize import resize
from lightweight_ssd.ops.suppression import DetectionArrays
from lightweight_ssd.ops.thresholds import Thresholds
from lightweight_ssd.prediction.detections import ImageDetections
from lightweight_ssd.prediction.frames import Event, Unread, read_frames
from lightweight_ssd.prediction.images import ImageLike, Pixels, read
from lightweight_ssd.prediction.kept_classes import labels_of
from lightweight_ssd.prediction.sources import find_sources
from lightweight_ssd.prediction.stream import Found, detections_of, say_passed_over, say_unread
from lightweight_ssd.prediction.video import Limits

__all__ = ["Model"]


class Model(ABC):
    """A trained detector with its classes and the size of its input.

    Attributes:
        image_size: (height, width) to which images are resized, pixels.
        class_names: In the order of the labels.
        category_ids: Of each class, as in the annotation files of the data that it was trained on.
        path: Of the checkpoint or the exported file, if it comes from one.
    """

    def __init__(
        self,
        image_size: int | Sequence[int],
        class_names: Sequence[str],
        category_ids: Sequence[int],
        path: Path | None = None,
    ) -> None:
        """Keep the parts; `load` makes a model from a file."""
        self.class_names, self.category_ids, self.path = list(class_names), list(category_ids), path
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
        self.image_size: tuple[int, int] = (height, width)

    @property
    @abstractmethod
    def thresholds(self) -> Thresholds:
        """Settings of the post-processing that come with the detector."""

    @abstractmethod
    def find(
        self, images: UInt8[np.ndarray, "B H W 3"], thresholds: Thresholds, labels: Sequence[int] | None = None
    ) -> list[DetectionArrays]:
        """The detections of a batch, in pixels of the network's input.

        Args:
            images: Of `image_size`.
            thresholds: As `asked_thresholds` gives them.
            labels: Of the classes to keep; None = all.
        """

    @overload
    def predict(
        self,
        images: list[Any] | tuple[Any, ...],
        *,
        score_threshold: float = 0.3,
        iou_threshold: float | None = None,
        max_detections: int | None = None,
        classes: Sequence[str] | str | None = None,
        batch_size: int = 8,
    ) -> list[ImageDetections]: ...
    @overload
    def predict(
        self,
        images: ImageLike,
        *,
        score_threshold: float = 0.3,
        iou_threshold: float | None = None,
        max_detections: int | None = None,
        classes: Sequence[str] | str | None = None,
        batch_size: int = 8,
    ) -> ImageDetections: ...
    def predict(
        self,
        images: Any,
        *,
        score_threshold: Any = 0.3,
        iou_threshold: Any = None,
        max_detections: Any = None,
        classes: Any = None,
        batch_size: Any = 8,
    ) -> Any:
        """Detects the objects of one image or of several.

        Args:
            images: A path, an array of height × width × 3 (RGB, 8 bits; gray and RGBA, too), a PIL image, a tensor of
                bytes, or a list of any of them. For folders, videos, addresses and cameras, see `stream`.
            score_threshold: A detection scores more than this, 0 to below 1.
            iou_threshold: Of two boxes of one class that overlap more, only the better one stays; None = as the
                detector was trained to.
            max_detections: Per image; None = as the detector was trained to.
            classes: Names of those to keep; None = all.
            batch_size: Images that are on the device at once.

        Returns:
            The detections of the image; a list of them, in the same order, for a list of images.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: For what is no image, or a setting out of its range.
        """
        settings = {"iou_threshold": iou_threshold, "max_detections": max_detections}
        size, thresholds = _batch_size(batch_size=batch_size), self.asked_thresholds(score_threshold, **settings)
        labels = labels_of(classes, self.class_names)
        if not isinstance(images, list | tuple):
            return self.detect([read(images)], thresholds=thresholds, labels=labels)[0]
        found: list[ImageDetections] = []
        for start in range(0, len(images), size):
            batch = [read(image) for image in images[start : start + size]]
            detected = self.detect(batch, thresholds=thresholds, labels=labels)
            found += [replace(one, pixels=None) if one.path else one for one in detected]
        return found

    @checked
    def stream(
        self,
        source: str | Path | Sequence[str | Path],
        *,
        recursive: bool = False,
        stride: Count = 1,
        max_frames: Count | None = None,
        max_seconds: Seconds | None = None,
        score_threshold: Share = 0.3,
        iou_threshold: Overlap | None = None,
        max_detections: Count | None = None,
        classes: Sequence[str | int] | str | int | None = None,
        batch_size: Count = 8,
    ) -> Iterator[ImageDetections]:
        """Detects objects in whatever `lssd predict source=…` takes, and keeps no more than a few pictures in memory.

        Args:
            source: An image, a video, a folder, a glob, a list of files (`.txt`), an http or https address, `-` for an
                image on standard input, the number of a camera; or a list of them.
            recursive: Whether the folders inside a folder count, too.
            stride: Of a video, every so many frames one.
            max_frames: Of each video; None = all.
            max_seconds: Of each video from its beginning; None = all.
            score_threshold: As in `predict`.
            iou_threshold: As in `predict`.
            max_detections: As in `predict`.
            classes: As in `predict`.
            batch_size: As in `predict`; 1 gives each picture of a camera as soon as possible.

        Returns:
            The detections of each image or frame in turn, with its pixels. What cannot be read is named on standard
            error and left out.

        Raises:
            ValueError, FileNotFoundError: For a setting that cannot be met, or a source that does not exist.
        """
        found, limits = find_sources(_as_list(source), recursive), Limits(stride, max_frames, max_seconds)
        thresholds = self.asked_thresholds(score_threshold, iou_threshold=iou_threshold, max_detections=max_detections)
        labels = labels_of(classes, self.class_names)
        say_passed_over(found.passed_over)
        each = self.detect_frames(read_frames(found.items, limits, self.resized), batch_size, thresholds, labels)
        return (one.detections for one in each)

    @checked
    def asked_thresholds(
        self,
        score_threshold: Share = 0.3,
        *,
        iou_threshold: Overlap | None = None,
        max_detections: Count | None = None,
    ) -> Thresholds:
        """Those of the detector with other settings; those of `predict`."""
        asked = {"iou_threshold": iou_threshold, "max_detections": max_detections}
        asked = {name: value for name, value in asked.items() if value is not None}
        return replace(self.thresholds, score_threshold=score_threshold, **asked)

    def resized(self, image: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """An image in the size of the network's input."""
        return resize(image, self.image_size)

    def detect(
        self,
        images: Sequence[Pixels],
        resized: Sequence[UInt8[np.ndarray, "h w 3"]] | None = None,
        *,
        thresholds: Thresholds,
        labels: Sequence[int] | None = None,
    ) -> list[ImageDetections]:
        """The detections of a batch of images, which go to the device at once.

        Args:
            images: As they are.
            resized: The same for the network, where that is done already.
            thresholds: Settings of the post-processing.
            labels: Of the classes to keep; None = all.
        """
        if not images:
            return []
        resized = [self.resized(image.array) for image in images] if resized is None else resized
        found = self.find(np.stack(resized), thresholds, labels)
        return [self._of_image(image, one) for image, one in zip(images, found, strict=True)]

    def detect_frames(
        self,
        events: Generator[Event, None, None],
        batch_size: int,
        thresholds: Thresholds,
        labels: Sequence[int] | None = None,
        on_unread: Callable[[Unread], None] = say_unread,
    ) -> Generator[Found, None, None]:
        """The detections of pictures as they are read; closed early, nothing more is read.

        Args:
            events: As `read_frames` gives them.
            batch_size: Pictures that are on the device at once.
            thresholds: Settings of the post-processing.
            labels: Of the classes to keep; None = all.
            on_unread: Called with each source that cannot be read.
        """
        with closing(events):
            yield from detections_of(
                events, partial(self.detect, thresholds=thresholds, labels=labels), batch_size, on_unread
            )

    def _of_image(self, image: Pixels, found: DetectionArrays) -> ImageDetections:
        """Detections in pixels of the network's input as those of the image."""
        height, width = image.array.shape[:2]
        scale = np.array([width / self.image_size[1], height / self.image_size[0]] * 2, np.float32)
        return ImageDetections(
            boxes=found.boxes * scale,
            scores=found.scores,
            labels=found.labels,
            class_names=self.class_names,
            category_ids=self.category_ids,
            width=width,
            height=height,
            path=image.path,
            pixels=image.array,
        )

    def __repr__(self) -> str:
        height, width = self.image_size
        return f"Model({self.path or 'not from a file'}: {len(self.class_names)} classes, input {width}×{height})"


@checked
def _batch_size(*, batch_size: Count) -> int:
    return batch_size


def _as_list(source: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    return [source] if isinstance(source, str | Path) else source
