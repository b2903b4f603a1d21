"""`load`: a trained detector as an object that takes images in any form and gives detections in their pixels."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch

from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.checkpoint.load import load_trained
from lightweight_ssd.config.arguments import Count, Overlap, Share, checked
from lightweight_ssd.detector.postprocess import PostProcess
from lightweight_ssd.detector.ssd import Detector
from lightweight_ssd.prediction.detections import ImageDetections
from lightweight_ssd.prediction.images import ImageLike, Pixels, read
from lightweight_ssd.runs.checkpoints import checkpoint_file
from lightweight_ssd.system.device import choose_device
from lightweight_ssd.tensor_types import Detections

__all__ = ["Model", "load"]


def load(checkpoint: str | os.PathLike[str], device: Any = "auto") -> "Model":
    """Loads a trained detector.

    Args:
        checkpoint: A checkpoint file, or the folder of a run, whose best checkpoint is taken (the last one where no
            validation chose a best).
        device: `auto` (the GPU where there is one), `cpu`, `cuda` or `cuda:N`.

    Returns:
        The model, in evaluation mode on that device; with the average of the weights where one was kept.

    Raises:
        FileNotFoundError: There is no such file, or no checkpoint in the folder.
        ValueError: The file is no checkpoint of this project, or the device does not exist.
    """
    path, place = checkpoint_file(checkpoint), choose_device(str(device))
    detector, config, class_names, category_ids = load_trained(path)
    return Model(detector.to(place), config["image_size"], class_names, category_ids, path)


class Model:
    """A trained detector with its classes and the size of its input.

    Attributes:
        detector: The network, in evaluation mode.
        image_size: (height, width) to which images are resized, pixels.
        class_names: In the order of the labels.
        category_ids: Of each class, as in the annotation files of the data that it was trained on.
        path: Of the checkpoint, if it comes from one.
    """

    def __init__(
        self,
        detector: Detector,
        image_size: int | Sequence[int],
        class_names: Sequence[str],
        category_ids: Sequence[int],
        path: Path | None = None,
    ) -> None:
        """Keep the parts; `load` makes a model from a checkpoint."""
        self.detector, self.path = detector.eval(), path
        self.class_names, self.category_ids = list(class_names), list(category_ids)
        self._resize = Pipeline({}, image_size if isinstance(image_size, int) else list(image_size))
        height, width = self._resize.image_size
        self.image_size: tuple[int, int] = (height, width)

    @overload
    def predict(
        self,
        images: list[Any] | tuple[Any, ...],
        *,
        score_threshold: float = 0.3,
        iou_threshold: float | None = None,
        max_detections: int | None = None,
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
        batch_size: int = 8,
    ) -> ImageDetections: ...
    def predict(
        self,
        images: Any,
        *,
        score_threshold: Any = 0.3,
        iou_threshold: Any = None,
        max_detections: Any = None,
        batch_size: Any = 8,
    ) -> Any:
        """Detects the objects of one image or of several.

        Args:
            images: A path, an array of height × width × 3 (RGB, 8 bits; gray and RGBA, too), a PIL image, a tensor of
                bytes, or a list of any of them.
            score_threshold: A detection scores more than this, 0 to below 1.
            iou_threshold: Of two boxes of one class that overlap more, only the better one stays; None = as the
                checkpoint was trained to.
            max_detections: Per image; None = as the checkpoint was trained to.
            batch_size: Images that are on the device at once.

        Returns:
            The detections of the image; a list of them, in the same order, for a list of images.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: For what is no image, or a setting out of its range.
        """
        settings = {"iou_threshold": iou_threshold, "max_detections": max_detections}
        size, postprocess = _batch_size(batch_size=batch_size), self.postprocess(score_threshold, **settings)
        if not isinstance(images, list | tuple):
            return self.detect([read(images)], postprocess)[0]
        found: list[ImageDetections] = []
        for start in range(0, len(images), size):
            batch = [read(image) for image in images[start : start + size]]
            found += [replace(one, pixels=None) if one.path else one for one in self.detect(batch, postprocess)]
        return found

    @checked
    def postprocess(
        self,
        score_threshold: Share = 0.3,
        *,
        iou_threshold: Overlap | None = None,
        max_detections: Count | None = None,
    ) -> PostProcess:
        """The post-processing of the checkpoint with other settings; those of `predict`."""
        asked = {"iou_threshold": iou_threshold, "max_detections": max_detections}
        asked = {name: value for name, value in asked.items() if value is not None}
        return replace(self.detector.postprocess, score_threshold=score_threshold, **asked)

    def detect(self, images: Sequence[Pixels], postprocess: PostProcess) -> list[ImageDetections]:
        """The detections of a batch of images, which go to the device at once."""
        if not images:
            return []
        none, generator = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64)), np.random.default_rng(0)
        resized = [self._resize(image.array, *none, generator=generator)[0] for image in images]
        batch = torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).to(self.detector.mean.device)
        found = self.detector.predict(batch, postprocess)
        return [self._of_image(image, one) for image, one in zip(images, found, strict=True)]

    def _of_image(self, image: Pixels, found: Detections) -> ImageDetections:
        """Detections in pixels of the network's input as those of the image, in numpy."""
        height, width = image.array.shape[:2]
        scale = torch.tensor([width / self.image_size[1], height / self.image_size[0]] * 2)
        return ImageDetections(
            boxes=(found.boxes.cpu() * scale).numpy(),
            scores=found.scores.cpu().numpy(),
            labels=found.labels.cpu().numpy(),
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
