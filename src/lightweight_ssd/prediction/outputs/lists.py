"""All detections in one file: `predictions.json`, a CSV table, and COCO results with the images that they are of.

Each is written picture by picture, so that it takes no memory, and ends whole also where the call was interrupted.
"""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightweight_ssd.prediction.outputs.folder import RESULTS, OutputFolder
from lightweight_ssd.prediction.outputs.picture import Picture
from lightweight_ssd.system.growing_file import GrowingFile
from lightweight_ssd.system.json_file import finite
from lightweight_ssd.system.plain_text import spreadsheet_cell

__all__ = ["COCO_IMAGES", "COCO_RESULTS", "TABLE", "CocoResults", "PredictionsJson", "Table"]

TABLE = "predictions.csv"
COCO_RESULTS, COCO_IMAGES = "coco_results.json", "coco_images.json"
_COLUMNS = (
    "file", "frame", "seconds", "width", "height", "class_name", "label", "category_id", "score", "x1", "y1", "x2", "y2"
)  # fmt: skip
_OPEN, _NEXT, _END = "[\n", ",\n", "\n]\n"


class PredictionsJson:
    """A list with one entry for each picture, one a line; boxes are xyxy in its pixels."""

    def __init__(self, folder: OutputFolder) -> None:
        self._file = GrowingFile(folder.place(RESULTS), _OPEN, _END, _NEXT)

    def add(self, picture: Picture) -> None:
        """Writes the entry of a picture."""
        self._file.add(_json(_entry(picture)))

    def close(self) -> None:
        """Ends the list."""
        self._file.close()


class Table:
    """CSV with one row for each detection; text that a spreadsheet would compute gets an apostrophe in front."""

    def __init__(self, folder: OutputFolder) -> None:
        self._file = GrowingFile(folder.place(TABLE), ",".join(_COLUMNS) + "\n")

    def add(self, picture: Picture) -> None:
        """Writes the rows of a picture; none where nothing was found."""
        found, text = picture.found, io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        of_picture = [spreadsheet_cell(found.source), found.frame, _seconds(found.seconds), found.width, found.height]
        for label, name, score, box in _rows(picture):
            corners = [f"{each:.3f}" for each in box]
            rows.writerow(
                [*of_picture, spreadsheet_cell(name), label, found.category_ids[label], f"{score:.6g}", *corners]
            )
        if text.tell():
            self._file.add(text.getvalue())

    def close(self) -> None:
        """Ends the table."""
        self._file.close()


class CocoResults:
    """A COCO results file, boxes as xywh, and a COCO file of the images, which are numbered from 1 in their order.

    Args:
        folder: To write in.
        class_names: In the order of the labels.
        category_ids: Of each class.
    """

    def __init__(self, folder: OutputFolder, class_names: Sequence[str], category_ids: Sequence[int]) -> None:
        categories = [{"id": id_, "name": name} for id_, name in zip(category_ids, class_names, strict=True)]
        head = f'{{"categories": {json.dumps(categories)}, "annotations": [], "images": {_OPEN}'
        self._results = GrowingFile(folder.place(COCO_RESULTS), _OPEN, _END, _NEXT)
        self._images = GrowingFile(folder.place(COCO_IMAGES), head, "\n]}\n", _NEXT)
        self._count = 0

    def add(self, picture: Picture) -> None:
        """Writes the image and its detections."""
        self._count += 1
        found, path = picture.found, str(picture.found.source)
        size = {"width": found.width, "height": found.height}
        self._images.add(
            _json({"id": self._count, "file_name": Path(path).name, "path": path, **_when(picture), **size})
        )
        if len(found):
            self._results.add(_NEXT.join(_json(entry) for entry in found.to_coco(self._count)))

    def close(self) -> None:
        """Ends both files."""
        try:
            self._results.close()
        finally:
            self._images.close()


def _entry(picture: Picture) -> dict[str, Any]:
    """What `predictions.json` says of a picture."""
    found = picture.found
    detections = [
        {"label": label, "category_id": found.category_ids[label], "class_name": name, "score": score, "box": box}
        for label, name, score, box in _rows(picture)
    ]
    size = {"width": found.width, "height": found.height}
    return {"file": found.source, "picture": picture.drawn, **_when(picture), **size, "detections": detections}


def _rows(picture: Picture) -> list[tuple[int, str, float, list[float]]]:
    """Label, class name, score and box of each detection."""
    found = picture.found
    return list(zip(found.labels.tolist(), found.names, found.scores.tolist(), found.boxes.tolist(), strict=True))


def _when(picture: Picture) -> dict[str, Any]:
    return (
        {} if picture.moment is None else {"frame": picture.moment.number, "seconds": round(picture.moment.seconds, 6)}
    )


def _seconds(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:.3f}"


def _json(entry: Any) -> str:
    return json.dumps(finite(entry), allow_nan=False)
