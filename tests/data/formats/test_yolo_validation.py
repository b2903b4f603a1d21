"""`data/formats/yolo_validation.py`: lines of a label file, and a fault for each that is wrong."""

from pathlib import Path

import numpy as np
import pytest

from lightweight_ssd.data.formats.yolo_validation import LabelFaultKind, ParsedLabels, parse_labels


@pytest.fixture
def parse(tmp_path: Path):
    def parse(text: str | bytes, **options: object) -> ParsedLabels:
        file = tmp_path / "a.txt"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return parse_labels(file, **{"size": (80, 100), "num_classes": 2, **options})  # pyright: ignore[reportArgumentType]

    return parse


def test_boxes_are_pixels_of_the_image(parse):
    found = parse("0 0.25 0.28125 0.3 0.2625\n1 .1 9.375e-2 0.2 0.1875\n")
    assert found.boxes.tolist() == [[10, 12, 40, 33], [0, 0, 20, 15]]
    assert found.labels.tolist() == [0, 1] and not found.faults


def test_an_empty_file_keeps_the_shapes(parse):
    for text in ("", "\n \n", b"\xef\xbb\xbf"):
        found = parse(text)
        assert found.boxes.shape == (0, 4) and found.labels.shape == (0,) and found.faults == ()


def test_polygons_become_the_boxes_around_them_line_by_line(parse):
    found = parse("0 0.1 0.2 0.4 0.3 0.2 0.5\n1 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.2 0.1 0.2 0.3 0.1 0.3\n")
    assert np.allclose(found.boxes, [[10, 16, 40, 40], [40, 32, 60, 48], [10, 8, 20, 24]])
    assert found.polygons == 2


def test_a_line_that_stands_twice_is_one_object(parse):
    found = parse("0 0.5 0.5 0.2 0.2\n0  0.5 0.5 0.2 0.2 \n")
    assert len(found.boxes) == 1 and found.repeated == 1


def test_keypoints_are_stepped_over(parse):
    found = parse("0 0.5 0.5 0.2 0.2 0.5 0.5 2 0.6 0.6 nan\n", keypoints=6)
    assert np.allclose(found.boxes, [[40, 32, 60, 48]]) and found.faults == ()


def test_what_leaves_the_image_a_little_is_clipped(parse):
    found = parse("0 0.5 0.5 1.01 1.02\n")
    assert found.boxes.tolist() == [[0, 0, 100, 80]]
    assert parse("0 0.5 0.5 1.05 1\n", box_tolerance=3.0).boxes.tolist() == [[0, 0, 100, 80]]


WRONG = {
    "2 0.5 0.5 0.2 0.2": (LabelFaultKind.UNKNOWN_CLASS, "a class number \\(0 to 1\\) first"),
    "-1 0.5 0.5 0.2 0.2": (LabelFaultKind.UNKNOWN_CLASS, "add a name to the list of classes"),
    "0.5 0.5 0.5 0.2 0.2": (LabelFaultKind.UNKNOWN_CLASS, "class number"),
    "cat 0.5 0.5 0.2 0.2": (LabelFaultKind.UNKNOWN_CLASS, "class number"),
    "0 0.5 0.5 0.2": (LabelFaultKind.MALFORMED, "a class number and 4 numbers, or a polygon's corners"),
    "0 0.5 0.5 0.2 0.2 0.2 0.3 0.3": (LabelFaultKind.MALFORMED, "polygon"),
    "0 0.5 0.5 0.2 0.2 0.97": (LabelFaultKind.MALFORMED, "a sixth is the confidence of a prediction"),
    "0 nan 0.5 0.2 0.2": (LabelFaultKind.BOX_NOT_NUMBERS, "numbers after the class"),
    "0 0.5 0_5 0.2 0.2": (LabelFaultKind.BOX_NOT_NUMBERS, "numbers after the class"),
    "0 1e999 0.5 0.2 0.2": (LabelFaultKind.BOX_NOT_NUMBERS, "numbers after the class"),
    "0 0.5 0.5 -0.2 0.2": (LabelFaultKind.BOX_INVERTED, "a width and a height of at least 0"),
    "0 0.5 0.5 0 0.2": (LabelFaultKind.BOX_WITHOUT_AREA, "a box with an area"),
    "0 30 20 10 10": (LabelFaultKind.BOX_OUTSIDE, "inside its image of 100x80 pixels, as shares of its sides"),
    "0 0.95 0.5 0.2 0.2": (LabelFaultKind.BOX_OUTSIDE, "data.box_tolerance"),
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_a_sentence_that_names_file_and_line(parse, tmp_path: Path, line: str):
    kind, words = WRONG[line]
    found = parse(f"0 0.5 0.5 0.2 0.2\n{line}\n1 0.5 0.5 0.1 0.1\n")
    assert [fault.kind for fault in found.faults] == [kind]
    sentence = found.faults[0].sentence
    assert f"in line 2 of {tmp_path / 'a.txt'}, but got {line!r}" in sentence and sentence.startswith("Expected ")
    with pytest.raises(ValueError, match=words):
        raise ValueError(sentence)
    assert len(found.boxes) == 2 and found.faults[0].detail == f"line 2: {line!r}"


def test_a_file_that_is_no_text_is_a_fault(parse, tmp_path: Path):
    assert "Expected a readable text file" in parse(b"\xff\xd8\xff\x00\x80").faults[0].sentence
    missing = parse_labels(tmp_path / "none.txt", (80, 100), 2)
    assert missing.faults[0].kind is LabelFaultKind.MALFORMED and "No such file" in missing.faults[0].sentence
