"""A model that an exported file's own runtime runs, on the CPU, without PyTorch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from lightweight_ssd.ops.suppression import DetectionArrays, suppress
from lightweight_ssd.ops.thresholds import Thresholds
from lightweight_ssd.prediction.model import Model
from lightweight_ssd.runtimes.runtime import Runtime, load_runtime

__all__ = ["ExportedModel"]


class ExportedModel(Model):
    """A detector in a file of `lssd export`; see `Model`.

    Attributes:
        runtime: What runs it; its `card` says what the file is.
    """

    def __init__(self, runtime: Runtime) -> None:
        card = runtime.card
        super().__init__(card.image_size, card.class_names, card.category_ids, runtime.path)
        self.runtime = runtime

    @classmethod
    def load(cls, path: Path, device: str = "auto") -> "ExportedModel":
        """Loads an exported file.

        Raises:
            FileNotFoundError: There is no such file or no card.
            ValueError: It cannot be run, a package is missing, or the device is no CPU.
        """
        if device not in ("auto", "cpu"):
            raise ValueError(
                f"Expected device=auto or device=cpu for {path}, since exported files run on the CPU, but got "
                f"device={device}; give the checkpoint for a GPU."
            )
        return cls(load_runtime(path))

    @property
    def thresholds(self) -> Thresholds:
        """Those of the file's card."""
        return self.runtime.card.thresholds

    def find(
        self, images: UInt8[np.ndarray, "B H W 3"], thresholds: Thresholds, labels: Sequence[int] | None = None
    ) -> list[DetectionArrays]:
        """The detections of a batch, in pixels of the network's input."""
        boxes, scores = self.runtime.run(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        if labels is not None:
            kept = np.isin(np.arange(scores.shape[-1]), labels)
            scores = np.where(kept, scores, np.float32(0))  # others compete for no place among the detections
        pairs = zip(boxes, scores, strict=True)
        return [suppress(*one, self.image_size, thresholds) for one in pairs]
