"""What every runtime has in common: batches of the size that the file takes, and boxes with scores from its outputs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float32, UInt8

from lightweight_ssd.ops.array_coding import decode_array, sigmoid
from lightweight_ssd.runtimes.card import Card

__all__ = ["OUTPUT_NAMES", "Runtime", "in_order"]

OUTPUT_NAMES: Final = {
    "boxes": ("boxes", "scores"),
    "raw": ("logits", "offsets"),
    "nms": ("selected", "boxes", "scores"),
}
"""Names of a graph's outputs, by what the card calls them."""


class Runtime(ABC):
    """An exported detector that runs.

    Attributes:
        card: What its file says of it.
        path: The file.
    """

    def __init__(self, card: Card, path: Path) -> None:
        """Keep the card; a subclass loads the file."""
        self.card, self.path = card, path
        self._anchors = np.array(card.anchors or np.zeros((0, 4)), np.float32)

    @abstractmethod
    def infer(self, images: np.ndarray) -> Sequence[np.ndarray]:
        """The outputs of the graph for one batch, in the order of the card.

        Args:
            images: B × 3 × H × W in the type that the card says, B as it says, too.
        """

    def run(
        self, images: UInt8[np.ndarray, "B 3 H W"]
    ) -> tuple[Float32[np.ndarray, "B A 4"], Float32[np.ndarray, "B A C"]]:
        """Boxes and scores of images, in as many batches as the file needs.

        Args:
            images: RGB, 0 to 255, of the size of the network's input.

        Returns:
            Boxes, xyxy in pixels of the network's input, and the score of each class, 0 to 1. Where the graph does the
            suppression itself, the score of what it dropped is 0.

        Raises:
            ValueError: For images of another size; or if the file does not give what its card says.
        """
        if images.shape[2:] != self.card.image_size:
            raise ValueError(
                f"Expected images of {self.card.image_size} (height, width) but got {images.shape[2:]}; resize them."
            )
        size = self.card.batch or max(len(images), 1)
        batches = [self._decoded(images[start : start + size], size) for start in range(0, len(images), size)]
        if not batches:
            return np.zeros((0, 0, 4), np.float32), np.zeros((0, 0, len(self.card.class_names)), np.float32)
        boxes, scores = zip(*batches, strict=True)
        return np.concatenate(boxes), np.concatenate(scores)

    def _decoded(self, images: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Boxes and scores of one batch, filled up to the size that the file takes."""
        count = len(images)
        if count < size:
            images = np.concatenate([images, np.zeros((size - count, *images.shape[1:]), images.dtype)])
        outputs = self.infer(np.ascontiguousarray(images, self.card.input))
        boxes, scores = self._boxes_and_scores(*outputs)
        classes, anchors = len(self.card.class_names), boxes.shape[1:2]
        if boxes.shape != (size, *anchors, 4) or scores.shape != (size, *anchors, classes):
            raise ValueError(
                f"Expected boxes and scores of {size} images and {classes} classes from {self.path} but got the shapes "
                f"{boxes.shape} and {scores.shape}; its card is of another file."
            )
        return boxes[:count], scores[:count]

    def _boxes_and_scores(self, *outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.card.outputs == "nms":
            selected, boxes, scores = outputs
            return np.asarray(boxes, np.float32), _only(selected, np.asarray(scores, np.float32), self.path)
        first, second = (np.asarray(each, np.float32) for each in outputs)
        if self.card.outputs == "boxes":
            return first, second
        if second.shape[1:] != self._anchors.shape:
            raise ValueError(
                f"Expected offsets of {len(self._anchors)} anchors from {self.path} but got the shape {second.shape}; "
                "its card is of another file."
            )
        assert self.card.variances is not None  # the card says so
        return decode_array(second, self._anchors, self.card.variances), sigmoid(first)


def _only(selected: np.ndarray, scores: np.ndarray, path: Path) -> np.ndarray:
    """The scores of the selected rows (image, class, anchor), and 0 for all others."""
    image, label, anchor = selected.astype(np.int64).reshape(-1, 3).T
    places = image, anchor, label
    if scores.ndim != 3 or any(
        ((each < 0) | (each >= most)).any() for each, most in zip(places, scores.shape, strict=True)
    ):
        raise ValueError(f"Expected rows of {path} that select scores but got others; its card is of another file.")
    kept = np.zeros_like(scores)
    kept[places] = scores[places]
    return kept


def in_order(outputs: Mapping[str, Any], card: Card, path: Path) -> list[Any]:
    """A graph's outputs in the order of the card: by their names, or as they come where they are called otherwise.

    Args:
        outputs: By name, in the order of the graph.
        card: Of the file.
        path: Of the file, for the message.

    Raises:
        ValueError: There are fewer.
    """
    names = OUTPUT_NAMES[card.outputs]
    if all(name in outputs for name in names):
        return [outputs[name] for name in names]
    if len(outputs) < len(names):
        raise ValueError(
            f"Expected the outputs {', '.join(names)} of {path} but got {', '.join(outputs)}; its card is of another "
            "file."
        )
    return list(outputs.values())[: len(names)]
