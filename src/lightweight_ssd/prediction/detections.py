"""What was found in one image, in numpy and in pixels of the image as it was given."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from lightweight_ssd.prediction.images import read

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ImageDetections"]


@dataclass(frozen=True, eq=False, repr=False)
class ImageDetections:
    """The detections of one image, by falling score.

    Attributes:
        boxes: xyxy, pixels of the original image, turned as its EXIF orientation says.
        scores: 0 to 1.
        labels: Class index, from 0.
        class_names: All classes of the detector, in the order of the labels; `names` has that of each detection.
        category_ids: Id of each class in the files of the data that the detector was trained on.
        width: Of the image, pixels.
        height: Of the image, pixels.
        path: File of the image; None where it was given in memory, and for a frame of a video.
        source: Where it comes from, as text: path, address, `-`, `camera 0`; None where it was given in memory.
        frame: Its number in its video, from 0; None for what is no video.
        seconds: Of that frame since the first one.
    """

    boxes: Float32[np.ndarray, "N 4"]
    scores: Float32[np.ndarray, " N"]
    labels: Int64[np.ndarray, " N"]
    class_names: list[str]
    category_ids: list[int]
    width: int
    height: int
    path: Path | None = None
    pixels: UInt8[np.ndarray, "H W 3"] | None = field(default=None)
    source: str | None = None
    frame: int | None = None
    seconds: float | None = None

    @property
    def names(self) -> list[str]:
        """The class name of each detection."""
        return [self.class_names[label] for label in self.labels.tolist()]

    @property
    def image(self) -> UInt8[np.ndarray, "H W 3"]:
        """The image as RGB, 0 to 255; of one in a list of files, read again, so that a long list needs no memory.

        Raises:
            ValueError: It was no file, such as a frame of a video, and its pixels were not kept.
        """
        if self.pixels is not None:
            return self.pixels
        if self.path is None:
            raise ValueError(
                f"Expected the pixels of {self.source} but they were not kept; use `Model.stream` for them."
            )
        return read(self.path).array

    def draw(self) -> "Image.Image":
        """The image with its boxes, class names and scores, as a PIL image of the same size."""
        from PIL import Image

        from lightweight_ssd.plots.detections import draw_boxes

        return Image.fromarray(draw_boxes(self.image, self.boxes, self.labels, self.class_names, self.scores))

    def to_coco(self, image_id: int) -> list[dict[str, Any]]:
        """The detections as entries of a COCO results file.

        Args:
            image_id: Of the image in the annotation file.

        Returns:
            One entry per detection: `image_id`, `category_id`, `bbox` (x, y, width, height) and `score`.
        """
        corner, size = self.boxes[:, :2], self.boxes[:, 2:] - self.boxes[:, :2]
        rows = zip(self.labels.tolist(), np.hstack([corner, size]).tolist(), self.scores.tolist(), strict=True)
        return [
            {"image_id": image_id, "category_id": self.category_ids[label], "bbox": box, "score": score}
            for label, box, score in rows
        ]

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        found = ", ".join(f"{count} {name}" for name, count in Counter(self.names).most_common())
        place = self.source or self.path
        where = f"{place}, " if place else ""
        where += f"frame {self.frame}, " if self.frame is not None else ""
        return f"ImageDetections({where}{self.width}×{self.height}: {found or 'nothing found'})"
