from pathlib import Path

import cv2
import numpy as np
import pytest

from lightweight_ssd.data.formats.voc_xml import read_annotation, write_annotation
from lightweight_ssd.types import Annotation

NAMES = ["cat", "dog", "diningtable"]
BOX = "<xmin>11</xmin><ymin>21</ymin><xmax>50</xmax><ymax>60</ymax>"
SIZE = "<size><width>100</width><height>80</height><depth>3</depth></size>"


def item(name: str = "dog", box: str = BOX, more: str = "") -> str:
    return f"<object><name>{name}</name>{more}<bndbox>{box}</bndbox></object>"


def corners(xmin: object, ymin: object, xmax: object, ymax: object) -> str:
    return f"<xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax>"


def read(folder: Path, *objects: str, size: str = SIZE, **options: float) -> Annotation:
    path = folder / "a.xml"
    path.write_text(f"<annotation>{size}{''.join(objects)}</annotation>", encoding="utf-8")
    return read_annotation(path, folder / "a.jpg", 5, NAMES, **options)


def test_no_objects(tmp_path: Path) -> None:
    empty = read(tmp_path)
    assert (empty.boxes.shape, empty.labels.shape, empty.difficult.shape) == ((0, 4), (0,), (0,))
    assert (empty.image_id, empty.path, empty.height, empty.width) == (5, str(tmp_path / "a.jpg"), 80, 100)


def test_only_the_first_corner_counts_from_one(tmp_path: Path) -> None:
    one = read(tmp_path, item(box=corners(1, 1, 100, 80)))
    assert one.boxes.tolist() == [[0, 0, 100, 80]]
    assert read(tmp_path, item(box=corners(7, 7, 7, 7))).boxes.tolist() == [[6, 6, 7, 7]]


def test_decimals(tmp_path: Path) -> None:
    one = read(tmp_path, item(box=corners(" 168.68", "35.40", "1.9e2 ", "76.96")), size=SIZE.replace("100", "320.0"))
    np.testing.assert_allclose(one.boxes, [[167.68, 34.40, 190, 76.96]], rtol=1e-6)


def test_difficult_is_kept_and_may_be_missing(tmp_path: Path) -> None:
    flags = ["", "<difficult>0</difficult>", "<difficult>1</difficult>"]
    assert read(tmp_path, *[item(more=flag) for flag in flags]).difficult.tolist() == [False, False, True]


def test_labels_follow_the_class_names_and_parts_are_no_objects(tmp_path: Path) -> None:
    part = f"<part><name>head</name><bndbox>{BOX}</bndbox></part>"
    assert read(tmp_path, item("dog"), item(" cat ", more=part)).labels.tolist() == [1, 0]


def test_a_hair_outside_is_clipped(tmp_path: Path) -> None:
    one = read(tmp_path, item(box=corners(0, 0.5, 101, 80.3)))
    assert one.boxes.tolist() == [[0, 0, 100, 80]]


def test_the_tolerance_is_a_parameter(tmp_path: Path) -> None:
    box = item(box=corners(-4, 1, 50, 60))
    with pytest.raises(ValueError, match=r"allow more than 1 pixels outside with data\.box_tolerance"):
        read(tmp_path, box)
    assert read(tmp_path, box, box_tolerance=5.0).boxes.tolist() == [[0, 0, 50, 60]]


@pytest.mark.parametrize("box", [(1, 1, 102, 60), (200, 1, 240, 60), (-40, -40, -2, -2), (1, 81.5, 20, 90)])
def test_a_box_outside_names_file_object_and_corners(tmp_path: Path, box: tuple) -> None:
    with pytest.raises(ValueError, match=rf"object 2 of .*a\.xml inside its image of 100x80 .*xmin={box[0]}, "):
        read(tmp_path, item(), item(box=corners(*box)))


@pytest.mark.parametrize("box", [(50, 20, 49, 60), (50, 20, 60, 19), (50, 20, 30, 60), (101, 1, 101, 20)])
def test_a_box_without_area_names_file_object_and_corners(tmp_path: Path, box: tuple) -> None:
    with pytest.raises(ValueError, match=rf"object 1 of .*a\.xml to have an area.*xmin={box[0]}, .*remove the object"):
        read(tmp_path, item(box=corners(*box)))


def test_an_area_that_rounding_takes_away_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"object 1 of .* to have an area"):
        read(tmp_path, item(box=corners(50, 20, 49.0000001, 60)))


@pytest.mark.parametrize("box", ["", corners("x", 1, 2, 3), corners("nan", 1, 2, 3), corners(1, 1, "inf", 9)])
def test_a_box_that_is_no_numbers_is_told(tmp_path: Path, box: str) -> None:
    with pytest.raises(ValueError, match=r"four numbers in the <bndbox> of object 1 of .*a\.xml"):
        read(tmp_path, item(box=box))


def test_an_unknown_class_lists_the_classes_and_suggests_one(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"a\.xml to be one of cat, dog, diningtable, but got 'dinning'.*'diningtable'"
    ):
        read(tmp_path, item("dinning"))
    with pytest.raises(ValueError, match=r"got 'xyz': correct the file, or add the name to data\.class_names"):
        read(tmp_path, item("xyz"))
    with pytest.raises(ValueError, match=r"object 1 of .* got ''"):
        read(tmp_path, f"<object><bndbox>{BOX}</bndbox></object>")


@pytest.mark.parametrize(
    "size", ["", "<size><width>100</width></size>", SIZE.replace("80", "0"), SIZE.replace("80", "inf")]
)
def test_a_missing_size_is_told(tmp_path: Path, size: str) -> None:
    with pytest.raises(ValueError, match=r"<size> with a positive <width> and <height> in .*a\.xml"):
        read(tmp_path, item(), size=size)


def test_a_flag_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"<difficult> to be 0 or 1, true or false in .*a\.xml, but got 'maybe'"):
        read(tmp_path, item(more="<difficult>maybe</difficult>"))


@pytest.mark.parametrize(
    ("text", "difficult"),
    [
        ("", False), ("0", False), ("0.0", False), ("false", False), ("No", False), ("Unspecified", False),
        ("None", False), ("1", True), (" 1.0 ", True), ("True", True), ("yes", True),
    ],
)  # fmt: skip
def test_flags_may_be_words_or_decimals(tmp_path: Path, text: str, difficult: bool) -> None:
    more = f"<truncated>{text}</truncated><difficult>{text}</difficult><crowd>{text}</crowd>"
    one = read(tmp_path, item(more=more))
    assert (one.difficult.tolist(), one.crowd.tolist()) == ([difficult], [difficult])


@pytest.mark.parametrize("text", ["-1", "2", "0.5", "nan", "maybe"])
def test_a_flag_out_of_its_range_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"<difficult> to be 0 or 1"):
        read(tmp_path, item(more=f"<difficult>{text}</difficult>"))


@pytest.mark.parametrize(
    "size", ["", "<size/>", SIZE.replace("100", "0"), SIZE.replace("80", " "), "<size><width>9</width></size>"]
)
def test_a_missing_size_is_that_of_the_image(tmp_path: Path, size: str) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((80, 100, 3), np.uint8))
    one = read(tmp_path, item(box=corners(1, 1, 100, 80)), size=size)
    assert (one.height, one.width, one.boxes.tolist()) == (80, 100, [[0, 0, 100, 80]])


def test_a_wrong_size_is_not_replaced(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((80, 100, 3), np.uint8))
    with pytest.raises(ValueError, match=r"<size> with a positive"):
        read(tmp_path, item(), size=SIZE.replace("100", "-100"))


def test_from_zero_corners_are_kept(tmp_path: Path) -> None:
    one = read(tmp_path, item(box=corners(0, 0.25, 100, 80)), origin=0)
    assert one.boxes.tolist() == [[0, 0.25, 100, 80]]


def test_a_namespace_changes_nothing(tmp_path: Path) -> None:
    text = f'<annotation xmlns="urn:voc">{SIZE}{item()}</annotation>'
    (tmp_path / "a.xml").write_text(text)
    assert read_annotation(tmp_path / "a.xml", "a.jpg", 1, NAMES).boxes.tolist() == [[10, 20, 50, 60]]


@pytest.mark.parametrize("root", ["annotations", "doc", "Annotation"])
def test_other_xml_is_no_image_without_objects(tmp_path: Path, root: str) -> None:
    (tmp_path / "a.xml").write_text(f"<{root}>{SIZE}{item()}</{root}>")
    with pytest.raises(ValueError, match=rf"<annotation> as the root of .*a\.xml, but got <{root}>"):
        read_annotation(tmp_path / "a.xml", "a.jpg", 1, NAMES)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("<polygon><x1>1</x1><y1>2</y1></polygon>", "<polygon> only"),
        ("<robndbox><cx>5</cx></robndbox>", "<robndbox> only"),
        ("", "none"),
        (f"<bndbox>{BOX}</bndbox>" * 2, "2"),
    ],
)
def test_an_object_without_a_box_is_told(tmp_path: Path, shape: str, said: str) -> None:
    with pytest.raises(ValueError, match=rf"<bndbox> in object 2 of .*a\.xml, but it has {said}"):
        read(tmp_path, item(), f"<object><name>dog</name>{shape}</object>")


def test_objects_in_another_place_are_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"<object> of .*a\.xml in <annotation> itself, but got it in <objects>"):
        read(tmp_path, f"<objects>{item()}</objects>")


@pytest.mark.parametrize(
    "text",
    ["", "<annotation>\n<size>", "<annotation>\n</size></annotation>", '<?xml version="1.0" encoding="x-no"?><a/>'],
)
def test_malformed_xml_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(ValueError, match=r"well-formed XML in .*a\.xml, but .*: correct or remove the file"):
        read_annotation(tmp_path / "a.xml", "a.jpg", 1, NAMES)


def test_malformed_xml_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<annotation>\n\n</size></annotation>")
    with pytest.raises(ValueError, match="line 3"):
        read_annotation(tmp_path / "a.xml", "a.jpg", 1, NAMES)


def test_entities_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>')
    with pytest.raises(ValueError, match=r"a\.xml, but it declares a document type: remove it"):
        read_annotation(tmp_path / "a.xml", "a.jpg", 1, NAMES)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.xml, but there is no such file"):
        read_annotation(tmp_path / "gone.xml", "a.jpg", 1, NAMES)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    boxes = np.array([[0, 0, 100, 80], [10.25, 20.5, 30.75, 40]], dtype=np.float32)
    before = Annotation.of_boxes(3, "/x/<a & b>.jpg", 80, 100, boxes, np.array([2, 0]), np.array([True, False]))
    write_annotation(tmp_path / "a.xml", before, ["cat", "dog", "salt & pepper"])
    after = read_annotation(tmp_path / "a.xml", before.path, 3, ["cat", "dog", "salt & pepper"], box_tolerance=0.0)
    assert after[:4] == before[:4]
    for one, other in zip(before[4:], after[4:], strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_annotation_without_objects_is_written(tmp_path: Path) -> None:
    nothing = Annotation.of_boxes(
        1, "a.jpg", 8, 9, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, bool)
    )
    write_annotation(tmp_path / "a.xml", nothing, [])
    assert len(read_annotation(tmp_path / "a.xml", "a.jpg", 1, []).boxes) == 0


BOMB = '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><annotation>&d;</annotation>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_entities_are_refused_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    declared = f'<?xml version="1.0" encoding="{encoding[:6]}"?>' if encoding != "latin-1" else ""
    (tmp_path / "a.xml").write_bytes((declared + BOMB).encode(encoding))
    with pytest.raises(ValueError, match=r"a\.xml, but it declares a document type: remove it"):
        read_annotation(tmp_path / "a.xml", "a.jpg", 1, NAMES)


def test_utf_16_without_a_document_type_is_read(tmp_path: Path) -> None:
    text = f'<?xml version="1.0" encoding="utf-16"?><annotation>{SIZE}{item()}</annotation>'
    (tmp_path / "a.xml").write_bytes(text.encode("utf-16"))
    assert read_annotation(tmp_path / "a.xml", "a.jpg", 1, NAMES).labels.tolist() == [1]


def test_deep_nesting_is_no_annotation(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<a>" * 200_000 + "</a>" * 200_000)
    with pytest.raises(ValueError, match="but got <a>, which is no VOC annotation"):
        read_annotation(tmp_path / "a.xml", "a.jpg", 1, NAMES)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.xml").mkdir()
    with pytest.raises(ValueError, match=r"readable annotation at .*a\.xml"):
        read_annotation(tmp_path / "a.xml", "a.jpg", 1, NAMES)


@pytest.mark.parametrize("text", ["1_0", "0x1", "1,5", "٣"])
def test_what_only_looks_like_a_number_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="four numbers"):
        read(tmp_path, item(box=corners(text, 2, 50, 60)))
    with pytest.raises(ValueError, match="<size>"):
        read(tmp_path, size=SIZE.replace("100", text))


def test_an_image_beyond_all_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="<size> with a positive"):
        read(tmp_path, size=SIZE.replace("100", "1e300"))


def test_crowds_and_areas_of_masks_are_read(tmp_path: Path) -> None:
    one = read(tmp_path, item(more="<crowd>1</crowd><area>12.5</area>"), item())
    assert one.crowd.tolist() == [True, False]
    assert one.areas.tolist() == [12.5, 1600]
    for more in ("<area>-1</area>", "<area>nan</area>", "<area></area>", "<area>1e30</area>"):
        with pytest.raises(ValueError, match=r"<area> in square pixels in .*a\.xml"):
            read(tmp_path, item(more=more))
    with pytest.raises(ValueError, match="<crowd> to be 0 or 1"):
        read(tmp_path, item(more="<crowd>2</crowd>"))


def test_every_digit_crowds_and_areas_survive_writing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 50, (40, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(1, 29, (40, 2))], 1).astype(np.float32)
    before = Annotation.of_boxes(1, "a.jpg", 80, 100, boxes, np.zeros(40, np.int64))
    before = before._replace(crowd=rng.random(40) < 0.5, areas=(before.areas * rng.choice([1, 0.37], 40)).astype("f4"))
    write_annotation(tmp_path / "a.xml", before, NAMES)
    after = read_annotation(tmp_path / "a.xml", "a.jpg", 1, NAMES, box_tolerance=0.0)
    for one, other in zip(before[4:], after[4:], strict=True):
        np.testing.assert_array_equal(one, other)
