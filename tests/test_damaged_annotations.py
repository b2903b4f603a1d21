"""Damaged annotation files: a clear error, a skip, or what really stands there; never a wrong sample."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightweight_ssd.data.formats.coco_instances import read_instances
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.formats.voc_xml import read_annotation
from lightweight_ssd.types import Annotation
from tests.coco_example import document, write

pytestmark = pytest.mark.slow

NAMES = ["cat", "dog"]
XML = (
    b'<?xml version="1.0"?>\n<annotation><filename>a.jpg</filename>'
    b"<size><width>100</width><height>80</height><depth>3</depth></size>"
    b"<object><name>cat</name><pose>Left</pose><difficult>1</difficult>"
    b"<bndbox><xmin>11</xmin><ymin>21.5</ymin><xmax>50</xmax><ymax>60</ymax></bndbox>"
    b"<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></part></object>"
    b"<object><name>dog</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>100</xmax><ymax>80</ymax></bndbox></object>"
    b"</annotation>"
)
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 110), st.integers(), st.floats(), st.text(max_size=5),
    st.just([]), st.just({}), st.lists(st.floats(-5, 120), min_size=3, max_size=5), st.sampled_from([3, 18, 42, 7, 11]),
)  # fmt: skip
FEW = settings(max_examples=400, deadline=None, derandomize=True)


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with one to three of them, or pieces of them, replaced, removed, repeated or cut off."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        new = draw(st.one_of(st.binary(max_size=4), st.text("0123456789.-e<>/\"',:[]{}", max_size=4).map(str.encode)))
        data = draw(st.sampled_from([data[:start] + new + data[end:], data[:start], data[:end] + data[start:]]))
    return data


def expected_objects(root: ET.Element) -> list[tuple[str, list[float], str]]:
    """The objects of a tree as they stand there, read in the plainest way."""
    found = []
    for element in root.findall("object"):
        box = [float(element.findtext(f"bndbox/{name}") or "") for name in ("xmin", "ymin", "xmax", "ymax")]
        box = [box[0] - 1, box[1] - 1, *box[2:]]
        found.append(((element.findtext("name") or "").strip(), box, (element.findtext("difficult") or "0").strip()))
    return found


def assert_as_written(annotation: Annotation, data: bytes) -> None:
    root = ET.fromstring(data)
    assert [annotation.width, annotation.height] == [
        float(root.findtext(f"size/{n}") or "") for n in ("width", "height")
    ]
    written = expected_objects(root)
    assert [NAMES[label] for label in annotation.labels] == [name for name, _, _ in written]
    assert [str(int(flag)) for flag in annotation.difficult] == [flag for _, _, flag in written]
    for box, (_, other, _) in zip(annotation.boxes, written, strict=True):
        np.testing.assert_allclose(box, other, rtol=1e-6, atol=1.0 + 1e-5)  # clipped by the tolerance at most
    assert_sound(annotation)


def assert_sound(annotation: Annotation) -> None:
    boxes = annotation.boxes
    assert np.isfinite(boxes).all() and (boxes >= 0).all() and (boxes[:, 2:] > boxes[:, :2]).all()
    assert (boxes[:, [0, 2]] <= annotation.width).all() and (boxes[:, [1, 3]] <= annotation.height).all()
    assert (annotation.areas >= 0).all() and np.isfinite(annotation.areas).all()


@FEW
@given(damaged(XML))
def test_a_damaged_voc_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.xml"
    path.write_bytes(data)
    try:
        annotation = read_annotation(path, "a.jpg", 1, NAMES)
    except ValueError as error:
        assert "damaged.xml" in str(error) and str(error).startswith("Expected ")
        return
    assert_as_written(annotation, data)


def number(value: Any) -> Any:
    """An id as a whole number where it is one in any spelling."""
    try:
        return int(value) if float(value) == int(value) and not isinstance(value, bool) else value
    except (ValueError, TypeError, OverflowError):
        return value


def is_set(entry: dict[str, Any], flag: str) -> bool:
    return str(entry.get(flag)).strip().lower() in ("1", "1.0", "true", "yes", "y", "t")


def written_box(entry: dict[str, Any]) -> list[float]:
    """x, y, width, height; around the polygon where there is no box."""
    box = entry.get("bbox")
    box = json.loads(box) if isinstance(box, str) else box
    if box:
        return [float(value) for value in box]
    values = [float(value) for part in entry["segmentation"] for value in part]
    left, top = min(values[::2]), min(values[1::2])
    return [left, top, max(values[::2]) - left, max(values[1::2]) - top]


def assert_true_to(split: PackedAnnotations, content: dict[str, Any]) -> None:
    """Every image that was read has exactly the objects that the document gives it."""
    names = [str(each["name"]) for each in content["categories"]]
    assert set(split.class_names) == set(names)
    name_of = {number(each["id"]): name for each, name in zip(content["categories"], names, strict=True)}
    for one in split:
        (image,) = [each for each in content["images"] if one.path.endswith(f"images/{each.get('file_name')}")]
        assert number(image["id"]) == one.image_id or isinstance(image["id"], str)
        assert (one.width, one.height) == (number(image["width"]), number(image["height"])) and Path(one.path).exists()
        own = [each for each in content["annotations"] if number(each["image_id"]) == number(image["id"])]
        assert [one.crowd.tolist(), one.difficult.tolist()] == [
            [is_set(each, flag) for each in own] for flag in ("iscrowd", "difficult")
        ]
        for box, label, each in zip(one.boxes, one.labels, own, strict=True):
            x, y, width, height = written_box(each)
            np.testing.assert_allclose(box, [x, y, x + width, y + height], rtol=1e-6, atol=1.0 + 1e-5)
            assert split.class_names[label] == name_of[number(each["category_id"])]
        assert_sound(one)


def read_damaged(folder: Path, content: object, on_bad: str) -> PackedAnnotations | None:
    try:
        file = write(folder, content, "damaged.json")
        return read_instances(file, folder / "images", drop_empty_boxes=False, on_bad=on_bad)
    except (ValueError, FileNotFoundError) as error:
        assert "damaged.json" in str(error) and str(error).startswith("Expected ")
        return None


@FEW
@given(damaged(json.dumps(document()).encode()), st.sampled_from(["error", "skip"]))
def test_a_damaged_coco_file(tmp_path_factory: pytest.TempPathFactory, data: bytes, on_bad: str) -> None:
    split = read_damaged(tmp_path_factory.getbasetemp(), data, on_bad)
    if split is not None:
        assert_true_to(split, json.loads(data.decode("utf-8-sig", errors="replace")))


DOCUMENT = json.dumps(document()).encode()
QUOTES = [place for place, byte in enumerate(DOCUMENT) if byte == ord('"')]


@FEW
@given(st.sampled_from(QUOTES), st.binary(min_size=1, max_size=3), st.sampled_from(["error", "skip"]))
def test_bytes_that_are_no_ascii_in_a_coco_file(
    tmp_path_factory: pytest.TempPathFactory, place: int, odd: bytes, on_bad: str
) -> None:
    data = DOCUMENT[: place + 1] + bytes(byte | 0x80 for byte in odd) + DOCUMENT[place + 1 :]  # half of it in strings
    split = read_damaged(tmp_path_factory.getbasetemp(), data, on_bad)
    if split is not None:
        assert_true_to(split, json.loads(data.decode(errors="replace")))


@FEW
@given(
    st.sampled_from(["images", "annotations", "categories"]), st.integers(0, 4), st.integers(0, 6), ODD,
    st.sampled_from(["error", "skip"]),
)  # fmt: skip
def test_an_odd_value_in_a_coco_file(
    tmp_path_factory: pytest.TempPathFactory, group: str, row: int, key: int, value: object, on_bad: str
) -> None:
    content = document()
    entry = content[group][row % len(content[group])]
    touched = entry.get("image_id", entry["id"])
    entry[sorted(entry)[key % len(entry)]] = value
    split = read_damaged(tmp_path_factory.getbasetemp(), content, on_bad)
    if split is None:
        return
    assert_true_to(split, content)
    if group != "categories" and value not in (42, 7, 1000, 11, 18, 3):  # those may be ids or names of others
        whole = {each["id"] for each in document()["images"]} - {touched}
        assert whole <= set(split.image_ids.tolist()), "an image that nothing is wrong with was left out"
