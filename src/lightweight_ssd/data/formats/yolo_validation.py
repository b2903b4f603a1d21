"""The rules of a YOLO label file, in one place: what stands in it, and a fault for every line that is wrong.

A line is an object: its class number, then the center's x and y, width and height of its box, as shares of the upright
image's width and height. Or it is the class number and the corners of a polygon, x and y in turn, whose extent is the
box. The reader raises the first fault, `lssd data check` lists all of them.

Source: https://docs.ultralytics.com/datasets/detect/ and …/datasets/segment/. Lines are told apart one by one, where
Ultralytics takes all lines of a file for polygons if one is.
"""

import math
import re
from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64

__all__ = ["LabelFault", "LabelFaultKind", "ParsedLabels", "parse_labels"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)  # float() takes 1_0 for ten


class LabelFaultKind(Enum):
    """What can be wrong with a line, or with a file."""

    MALFORMED = auto()
    UNKNOWN_CLASS = auto()
    BOX_NOT_NUMBERS = auto()
    BOX_INVERTED = auto()
    BOX_OUTSIDE = auto()
    BOX_WITHOUT_AREA = auto()


class LabelFault(NamedTuple):
    """One thing that is wrong.

    Attributes:
        kind: What.
        sentence: Names file and line, what was expected, what came and what to do.
        detail: In a few words, for a list that names the file already.
    """

    kind: LabelFaultKind
    sentence: str
    detail: str


class ParsedLabels(NamedTuple):
    """What stands in a file.

    Attributes:
        boxes: xyxy, pixels of the upright image, clipped to it.
        labels: Class numbers.
        polygons: How many of the boxes are the extent of a polygon.
        repeated: Lines that say the same as an earlier one, and are left out.
        faults: Everything that is wrong, line by line.
    """

    boxes: Float32[np.ndarray, "N 4"]
    labels: Int64[np.ndarray, " N"]
    polygons: int
    repeated: int
    faults: tuple[LabelFault, ...]


class _Wrong(Exception):
    """Kind, what was expected, what to do."""


def parse_labels(
    path: Path, size: tuple[int, int], num_classes: int, box_tolerance: float = 1.0, keypoints: int = 0
) -> ParsedLabels:
    """Reads one label file to its end, whatever is wrong in it; raises nothing for it.

    Args:
        path: The text file.
        size: (height, width) of its image, upright, pixels.
        num_classes: Class numbers are below it.
        box_tolerance: Pixels by which a box may leave its image.
        keypoints: Numbers after the box, which are not looked at.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
        sentence = f"Expected a readable text file at {path}, but {said}: replace it."
        return _parsed([], [], 0, 0, [LabelFault(LabelFaultKind.MALFORMED, sentence, said)])
    boxes, labels, faults, seen, polygons, repeated = [], [], [], set[tuple[str, ...]](), 0, 0
    for number, line in enumerate(lines, start=1):
        words = tuple(line.split())
        if not words or words in seen:
            repeated += bool(words)
            continue
        seen.add(words)
        try:
            label, box, is_polygon = _read_line(words, num_classes, keypoints)
            boxes.append(_pixels(box, size, box_tolerance))
        except _Wrong as wrong:
            kind, expected, advice = wrong.args
            shown = line.strip() if len(line) <= 60 else f"{line.strip()[:57]}…"
            sentence = f"Expected {expected} in line {number} of {path}, but got {shown!r}: {advice}."
            faults.append(LabelFault(kind, sentence, f"line {number}: {shown!r}"))
            continue
        labels.append(label)
        polygons += is_polygon
    return _parsed(boxes, labels, polygons, repeated, faults)


def _parsed(
    boxes: Sequence[Float32[np.ndarray, " 4"]],
    labels: Sequence[int],
    polygons: int,
    repeated: int,
    faults: Sequence[LabelFault],
) -> ParsedLabels:
    stacked = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return ParsedLabels(stacked, np.array(labels, dtype=np.int64), polygons, repeated, tuple(faults))


def _read_line(words: tuple[str, ...], num_classes: int, keypoints: int) -> tuple[int, Float64[np.ndarray, " 4"], bool]:
    """The class number, the box as shares of the image, and whether it is that of a polygon."""
    numbers = np.array([float(word) if _NUMBER.fullmatch(word) else math.nan for word in words])
    label, values = numbers[0], numbers[1:]
    if not (label.is_integer() and 0 <= label < num_classes):
        last = f"0 to {num_classes - 1}" if num_classes > 1 else "0 alone"
        advice = "correct the line, or add a name to the list of classes"
        raise _Wrong(LabelFaultKind.UNKNOWN_CLASS, f"a class number ({last}) first", advice)
    is_polygon = len(values) >= 6 and len(values) % 2 == 0 and not keypoints
    if len(values) == 5 and not keypoints:
        advice = "a sixth is the confidence of a prediction; remove it if the box is right"
        raise _Wrong(LabelFaultKind.MALFORMED, "five numbers", advice)
    if len(values) != 4 + keypoints and not is_polygon:
        wanted = f"a class number and {4 + keypoints} numbers" + ("" if keypoints else ", or a polygon's corners")
        raise _Wrong(LabelFaultKind.MALFORMED, wanted, "correct the line")
    points = values if is_polygon else values[:4]
    if not np.isfinite(points).all():
        raise _Wrong(LabelFaultKind.BOX_NOT_NUMBERS, "numbers after the class", "correct the line")
    return int(label), _extent(points) if is_polygon else _corners(points), is_polygon


def _extent(points: Float64[np.ndarray, " K"]) -> Float64[np.ndarray, " 4"]:
    corners = points.reshape(-1, 2)
    return np.concatenate([corners.min(axis=0), corners.max(axis=0)])


def _corners(values: Float64[np.ndarray, " 4"]) -> Float64[np.ndarray, " 4"]:
    center, side = values[:2], values[2:]
    if (side < 0).any():
        raise _Wrong(LabelFaultKind.BOX_INVERTED, "a width and a height of at least 0", "correct the line")
    return np.concatenate([center - side / 2, center + side / 2])


def _pixels(box: Float64[np.ndarray, " 4"], size: tuple[int, int], tolerance: float) -> Float32[np.ndarray, " 4"]:
    height, width = size
    sides = np.array([width, height, width, height], dtype=np.float64)
    clipped = np.clip(box * sides, 0, sides)
    if np.abs(clipped - box * sides).max() > tolerance:
        advice = f"correct the line, or allow more than {tolerance:g} pixels outside with data.box_tolerance"
        wanted = f"a box inside its image of {width}x{height} pixels, as shares of its sides from 0 to 1,"
        raise _Wrong(LabelFaultKind.BOX_OUTSIDE, wanted, advice)
    rounded = clipped.astype(np.float32)
    if (rounded[2:] <= rounded[:2]).any():
        raise _Wrong(LabelFaultKind.BOX_WITHOUT_AREA, "a box with an area", "correct or remove the line")
    return rounded
