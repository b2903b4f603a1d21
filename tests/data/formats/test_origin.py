"""Where boxes count from, decided from files as the tools write them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lightweight_ssd.data.formats.origin import check_origin, decide_origin, judge
from lightweight_ssd.data.formats.voc_devkit import ListEntry, read_entries
from lightweight_ssd.data.formats.voc_scan import Scan, genuine_folders
from lightweight_ssd.data.formats.voc_xml import write_annotation
from lightweight_ssd.types import Annotation

Boxes = Sequence[Sequence[float]]
BOXES = [(10, 12, 40, 33), (0, 5, 20, 15), (5, 6, 55, 48)]  # edges of pixels, from 0
INSIDE = [(10, 12, 40, 33), (3, 5, 20, 15)]
DATUMARO = "<source><database>Unknown</database><annotation>Unknown</annotation><image>Unknown</image></source>"
LABELIMG = "<source><database>Unknown</database></source>"
SUPERVISION = "<folder>VOC</folder><source><database>roboflow.ai</database></source>"
CHALLENGE = "<folder>VOC2012</folder><source><database>The VOC2007 Database</database></source>"


def write(folder: Path, name: str, boxes: Boxes, head: str = "", label: str = "dog") -> ListEntry:
    """One XML file with its image; corners as given."""
    folder.mkdir(parents=True, exist_ok=True)
    corners = [
        "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)) for box in boxes
    ]
    objects = "".join(
        f"<object><name>{label}</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>"
        f"<bndbox>{one}</bndbox></object>"
        for one in corners
    )
    size = "<size><width>100</width><height>80</height><depth>3</depth></size>"
    (folder / f"{name}.xml").write_text(
        f"<annotation>{head}<filename>{name}.jpg</filename>{size}{objects}</annotation>"
    )
    cv2.imwrite(str(folder / f"{name}.jpg"), np.zeros((80, 100, 3), np.uint8))
    return ListEntry(1, folder / f"{name}.xml", folder / f"{name}.jpg")


def from_one(boxes: Boxes) -> Boxes:
    return [(x0 + 1, y0 + 1, x1, y1) for x0, y0, x1, y1 in boxes]


def clamped(boxes: Boxes) -> Boxes:
    """As labelImg: from 0, but 1 for a corner at 0."""
    return [(max(x0, 1), max(y0, 1), x1, y1) for x0, y0, x1, y1 in boxes]


def decimals(boxes: Boxes) -> Boxes:
    return [(x0 + 0.25, y0 + 0.5, x1, y1) for x0, y0, x1, y1 in boxes]


@pytest.mark.parametrize(
    ("head", "boxes", "value", "reason"),
    [
        ("", BOXES, 0, "1 of 6 left and top edges is below 1"),
        (DATUMARO, decimals(BOXES), 0, "below 1"),
        (DATUMARO, decimals(INSIDE), 0, "4 corners have decimals"),
        (DATUMARO, from_one([(0, 0, 20, 15), *INSIDE]), 1, "2 of 6 left and top edges are exactly 1 and none is below"),
        (LABELIMG, clamped([(0, 0, 20, 15), *INSIDE]), 0, "mark of labelImg"),
        (LABELIMG, INSIDE, 0, "most tools do"),
        ("", INSIDE, 0, "most tools do"),
        ("", from_one([(0, 0, 20, 15), *INSIDE]), 1, "exactly 1"),
        (SUPERVISION, from_one(INSIDE), 1, "mark of supervision"),
        (SUPERVISION, BOXES, 0, "below 1"),  # its first versions
    ],
)
def test_each_tool_is_recognized_and_the_reason_said(
    tmp_path: Path, head: str, boxes: Boxes, value: int, reason: str
) -> None:
    entries = [write(tmp_path, "a", boxes, head)]
    origin = decide_origin(entries)
    assert origin.value == value
    assert origin.note.startswith(f"boxes count from {value}: ") and reason in origin.note
    assert origin.note.endswith(f"; data.origin={1 - value} if they count from {1 - value}")
    read = read_entries(entries, ("dog",))
    assert read.boxes[:, 0].tolist() == [box[0] - value for box in boxes]
    assert read.notes == (origin.note,)


def test_files_of_the_challenge_count_from_one_and_it_is_said(tmp_path: Path) -> None:
    entries = [write(tmp_path, f"00000{row}", INSIDE, CHALLENGE) for row in range(3)]
    assert genuine_folders(entries) == {tmp_path}
    note = "boxes count from 1 in the files with the mark of the VOC challenge"
    assert decide_origin(entries) == (1, note, frozenset({tmp_path}))
    assert read_entries(entries[:1], ("dog",)).notes == (note,)


@pytest.mark.parametrize(
    ("name", "label", "boxes"),
    [("photo_1", "dog", INSIDE), ("000001", "helmet", INSIDE), ("000001", "dog", [(0, 0, 20, 15)])],
)
def test_a_copied_mark_of_the_challenge_is_no_proof(tmp_path: Path, name: str, label: str, boxes: Boxes) -> None:
    """Many scripts write its source into files of other images, other classes, or from 0."""
    entries = [write(tmp_path, name, boxes, CHALLENGE, label)]
    assert genuine_folders(entries) == frozenset()
    assert decide_origin(entries).value == 0


def test_all_splits_decide_together(tmp_path: Path) -> None:
    train, val = write(tmp_path, "a", [(0, 0, 20, 15)]), write(tmp_path, "b", [(1, 1, 20, 15), (1, 1, 30, 30)])
    assert decide_origin([val]).value == 1
    read = read_entries([val], ("dog",), all_entries=[train, val])
    assert read.boxes.tolist() == [[1, 1, 20, 15], [1, 1, 30, 30]]
    assert "below 1" in read.notes[0]


def test_a_year_of_the_challenge_beside_own_data_keeps_counting_from_one(tmp_path: Path) -> None:
    genuine = write(tmp_path / "VOC2007", "000001", INSIDE, CHALLENGE)
    own = write(tmp_path / "own", "a", BOXES)
    entries = [genuine, own]
    assert read_entries([genuine], ("dog",), all_entries=entries).boxes[0].tolist() == [9, 11, 40, 33]
    read = read_entries([own], ("dog",), all_entries=entries)
    assert read.boxes[0].tolist() == [10, 12, 40, 33]
    assert read.notes[0].endswith("; files with the mark of the VOC challenge count from 1")


@pytest.mark.parametrize("value", [0, 1])
def test_the_setting_overrules_everything_and_says_so(tmp_path: Path, value: int) -> None:
    for head in (CHALLENGE, SUPERVISION, ""):
        entries = [write(tmp_path, "000001", INSIDE, head)]
        read = read_entries(entries, ("dog",), origin=value)
        assert read.boxes[0].tolist() == [10 - value, 12 - value, 40, 33]
        assert read.notes == (f"boxes count from {value}: data.origin says so",)


def test_the_cache_holds_the_origin_and_what_decided_it(tmp_path: Path) -> None:
    data, cache = tmp_path / "data", tmp_path / "cache"
    own, other = write(data, "a", INSIDE), write(data, "b", INSIDE)

    def first_edge(**options: Any) -> float:
        return read_entries([own], ("dog",), cache_dir=cache, **options).boxes[0, 0]

    for _ in range(2):
        assert (first_edge(), first_edge(origin=1), first_edge(origin=0)) == (10, 9, 10)
    assert first_edge(all_entries=[own, other]) == 10
    write(data, "b", [(1, 1, 20, 15)] * 2)  # another split says now that they count from 1
    assert first_edge(all_entries=[own, other]) == 9
    notes = read_entries([own], ("dog",), cache_dir=cache, all_entries=[own, other]).notes
    assert len(notes) == 1 and "exactly 1" in notes[0]


@pytest.mark.parametrize("corner", [0.0, 0.25, 7.0])
def test_what_this_package_writes_is_recognized(tmp_path: Path, corner: float) -> None:
    boxes = np.array([[corner, corner, 20.5, 15.125]], np.float32)
    before = Annotation.of_boxes(1, "a.jpg", 80, 100, boxes, np.array([0]))
    write_annotation(tmp_path / "a.xml", before, ("dog",))
    entries = [ListEntry(1, tmp_path / "a.xml", tmp_path / "a.jpg")]
    assert decide_origin(entries)[:2] == (1, "boxes count from 1: the files have the mark of lightweight-ssd")
    assert read_entries(entries, ("dog",)).boxes.tolist() == boxes.tolist()
    text = (tmp_path / "a.xml").read_text()
    mark = "  <source><annotation>lightweight-ssd, pixels from 1</annotation></source>\n"
    assert mark in text
    (tmp_path / "a.xml").write_text(text.replace(mark, ""))  # as versions before the mark wrote it
    assert decide_origin(entries).value == 1
    assert "earlier versions" in decide_origin(entries).note


def test_few_mistakes_do_not_turn_a_data_set() -> None:
    """One corner at 0 among hundreds at 1 is a slip of the hand."""
    assert judge(Scan(files=9, with_objects=9, corners=4000, at_one=400, below_one=1)).value == 1
    assert judge(Scan(files=9, with_objects=9, corners=4000, at_one=40, below_one=30)).value == 0
    assert judge(Scan(files=9, with_objects=9, corners=4000, at_one=3)).value == 0  # by chance


def test_nothing_to_decide_says_nothing(tmp_path: Path) -> None:
    assert decide_origin([ListEntry(1, None, tmp_path / "a.jpg")])[:2] == (1, "")
    assert decide_origin([write(tmp_path, "a", [])])[:2] == (0, "")


@pytest.mark.parametrize("setting", ["one", 2, True, None, -1, 0.5])
def test_another_setting_is_told(setting: object) -> None:
    with pytest.raises(ValueError, match=r"Expected data\.origin to be auto, 0 or 1, but got"):
        check_origin(setting)
