"""Files of their own for each picture: labels as YOLO has them, and crops of what was found."""

from collections.abc import Sequence

import numpy as np

from lightweight_ssd.prediction.outputs.folder import OutputFolder
from lightweight_ssd.prediction.outputs.names import class_folders
from lightweight_ssd.prediction.outputs.picture import Picture, write_jpeg
from lightweight_ssd.system.atomic_write import write_atomic
from lightweight_ssd.system.plain_text import printable

__all__ = ["CLASSES", "Crops", "YoloLabels", "label_name"]

CLASSES = "classes.txt"


def label_name(picture: str) -> str:
    """Name of the file with the YOLO labels of a picture."""
    return f"labels/{picture}.txt"


class YoloLabels:
    """A text file per picture below `labels/`, and the class names, one a line, in `classes.txt`.

    A line is label, center x, center y, width and height, as shares of the picture's width and height; a picture in
    which nothing was found has an empty file.

    Args:
        folder: To write in.
        class_names: In the order of the labels.
        with_scores: Whether the score follows as a sixth number.
    """

    def __init__(self, folder: OutputFolder, class_names: Sequence[str], with_scores: bool) -> None:
        self._folder, self._with_scores = folder, with_scores
        names = "".join(f"{printable(name)}\n" for name in class_names)
        write_atomic(folder.place(CLASSES), names.encode())

    def add(self, picture: Picture) -> None:
        """Writes the labels of a picture."""
        found = picture.found
        boxes = found.boxes.astype(np.float64) / ([found.width, found.height] * 2)
        centers, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        columns = [centers, sizes, *([found.scores[:, None]] if self._with_scores else [])]
        rows = zip(found.labels.tolist(), np.hstack(columns).tolist(), strict=True)
        text = "".join(f"{label} {' '.join(f'{number:.6f}' for number in row)}\n" for label, row in rows)
        write_atomic(self._folder.place(label_name(picture.name)), text.encode())

    def close(self) -> None:
        """Nothing is left to do."""


class Crops:
    """A picture of each detection, in a folder per class below `crops/`.

    Args:
        folder: To write in.
        class_names: In the order of the labels.
    """

    def __init__(self, folder: OutputFolder, class_names: Sequence[str]) -> None:
        self._folder, self._folders = folder, class_folders(class_names)

    def add(self, picture: Picture) -> None:
        """Writes what was found, numbered from 1 by falling score; boxes are rounded outward."""
        found = picture.found
        if not len(found):
            return
        image, limit = found.image, [found.width, found.height]
        low = np.floor(found.boxes[:, :2]).clip(0, limit).astype(int).tolist()
        high = np.ceil(found.boxes[:, 2:]).clip(0, limit).astype(int).tolist()
        for number, (label, (x1, y1), (x2, y2)) in enumerate(zip(found.labels.tolist(), low, high, strict=True), 1):
            if x1 < x2 and y1 < y2:
                name = f"crops/{self._folders[label]}/{picture.name}_{number}.jpg"
                write_jpeg(image[y1:y2, x1:x2], self._folder.place(name))

    def close(self) -> None:
        """Nothing is left to do."""
