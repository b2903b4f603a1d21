import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.broken_data import COCO_CASES, IMAGE_CASES, VOC_CASES, coco, damaged, jpeg, voc

from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.data.checks.dataset import check_source, find_shared_images
from lightweight_ssd.data.checks.image import ListedImage
from lightweight_ssd.data.checks.problems import NOTES, SKIPPED, Findings, Kind
from lightweight_ssd.data.dataset import DetectionDataset
from lightweight_ssd.data.shapes import Shapes
from lightweight_ssd.data.voc import VOC

FORMATS: dict[str, tuple[Callable, str]] = {"voc": (voc, "VOC2007/JPEGImages"), "coco": (coco, "images")}
ANNOTATION_CASES = [("voc", case) for case in VOC_CASES] + [("coco", case) for case in COCO_CASES]


def check(source, folder: Path, decode: bool = False) -> Findings:
    with Findings(folder / "problems.csv") as findings:
        check_source(source, findings, decode, workers=1)
    return findings


def train(source) -> list[str]:
    """Reads every sample of every split as training does; returns what was skipped."""
    skipped = []
    for split in ("train", "val", "test"):
        annotations = source.annotations(split)
        if split != "train" and annotations.difficult.all() | annotations.crowd.all():
            raise ValueError("mAP is undefined")
        skipped += annotations.skipped
        dataset = DetectionDataset(annotations, Pipeline({}, 32), on_bad=source.on_bad)
        skipped += [sentence for index in range(len(dataset)) for sentence in dataset[index].skipped]
    return skipped


@pytest.mark.parametrize("kind", FORMATS)
def test_a_good_data_set_has_no_problem(tmp_path: Path, kind: str):
    source = FORMATS[kind][0](tmp_path)
    with Findings(tmp_path / "problems.csv") as findings:
        assert check_source(source, findings, decode=True) == {"train": 3, "val": 2, "test": 2}
    assert not findings.counts
    assert train(source) == []


@pytest.mark.parametrize(("kind", "case"), ANNOTATION_CASES)
def test_what_stops_training_is_an_error_and_the_other_way_round(tmp_path: Path, kind: str, case: str):
    make, expected = FORMATS[kind][0], (VOC_CASES if kind == "voc" else COCO_CASES)[case]
    make(tmp_path)
    expected[1](tmp_path)
    assert set(check(make(tmp_path), tmp_path).counts) == {expected[0]}
    assert expected[0] not in NOTES
    with pytest.raises((ValueError, FileNotFoundError)):
        train(make(tmp_path))
    if expected[0] in SKIPPED:
        assert train(make(tmp_path, on_bad="skip"))
    else:
        with pytest.raises((ValueError, FileNotFoundError)):
            train(make(tmp_path, on_bad="skip"))


NO_INSTANCES = {
    "empty": b"", "object": b"{}", "list": b"[]", "cut": b'{"images": [', "UTF-16": "{}".encode("utf-16"),
    "binary": bytes(range(256)), "no classes": b'{"images": [], "annotations": [], "categories": []}', "folder": None,
}  # fmt: skip


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("case", NO_INSTANCES)
def test_a_file_that_is_no_instances_file_is_one_error(tmp_path: Path, case: str, split: str, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source, file = coco(Path()), tmp_path / f"{split}.json"
    file.unlink()
    file.mkdir() if NO_INSTANCES[case] is None else file.write_bytes(NO_INSTANCES[case])
    findings = check(source, tmp_path)
    assert findings.counts == {Kind.MALFORMED_FILE: 1}
    assert findings.first[Kind.MALFORMED_FILE][0][1:3] == (split, str(file))


@pytest.mark.parametrize(
    ("kind", "case", "file"),
    [
        ("coco", "crowds", "test.json"),
        ("voc", "difficult", "VOC2007/ImageSets/Main/val.txt"),
    ],
)
def test_what_only_training_sees_names_its_file(tmp_path: Path, kind: str, case: str, file: str):
    make, expected = FORMATS[kind][0], (VOC_CASES if kind == "voc" else COCO_CASES)[case]
    make(tmp_path)
    expected[1](tmp_path)
    assert check(make(tmp_path), tmp_path).first[expected[0]][0].file == str(tmp_path / file)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("case", IMAGE_CASES)
def test_images_that_stop_training_are_errors_and_others_are_not(tmp_path: Path, kind: str, case: str):
    make, images = FORMATS[kind]
    source, (expected, data) = make(tmp_path), IMAGE_CASES[case]
    (tmp_path / images / "b.jpg").write_bytes(data)
    findings = check(source, tmp_path)
    assert findings.counts[expected] == 1
    if expected in NOTES:
        assert findings.errors == 0
        assert train(source) == []
    else:
        assert findings.errors == 1
        with pytest.raises(ValueError):
            train(source)
        assert train(make(tmp_path, on_bad="skip"))


def test_damaged_pixels_do_not_stop_training(tmp_path: Path):
    source = voc(tmp_path)
    (tmp_path / "VOC2007/JPEGImages/b.jpg").write_bytes(damaged())
    findings = check(source, tmp_path, decode=True)
    assert (findings.counts, findings.errors) == ({Kind.DAMAGED_PIXELS: 1}, 0)
    assert train(source) == []


@pytest.mark.parametrize("kind", FORMATS)
def test_an_image_in_training_and_test_is_found_by_its_content(tmp_path: Path, kind: str):
    make, images = FORMATS[kind]
    source = make(tmp_path)
    shutil.copy(tmp_path / images / "a.jpg", tmp_path / images / "f.jpg")
    findings = check(source, tmp_path)
    assert findings.counts == {Kind.TRAIN_AND_TEST: 1}
    (problem,) = findings.first[Kind.TRAIN_AND_TEST]
    assert (Path(problem.file).name, problem.split) == ("f.jpg", "train, test")
    assert f"same content as {tmp_path / images / 'a.jpg'}" in problem.detail


def test_a_list_that_two_splits_use_is_read_once(tmp_path: Path):
    voc(tmp_path)
    lists = {"2007": "train"}, {"2007": "test"}, {"2007": ["test"]}
    (tmp_path / "VOC2007/Annotations/f.xml").write_text("")
    with Findings(tmp_path / "problems.csv") as findings:
        counts = check_source(VOC(tmp_path, ["cat"], *lists, cache_dir=tmp_path), findings)
    assert counts == {"train": 3, "val": 2, "test": 2}
    assert findings.counts == {Kind.MALFORMED: 1}
    assert findings.first[Kind.MALFORMED][0].split == "val, test"


def test_a_list_that_two_splits_use_has_one_problem(tmp_path: Path):
    voc(tmp_path)
    VOC_CASES["difficult"][1](tmp_path)
    source = voc(tmp_path)
    source.splits["test"] = source.splits["val"]
    findings = check(source, tmp_path)
    assert findings.counts == {Kind.NO_OBJECTS: 1}
    assert findings.first[Kind.NO_OBJECTS][0].split == "val, test"


def test_an_image_in_two_lists_of_a_split_is_a_duplicate(tmp_path: Path):
    voc(tmp_path)
    union = {"2007": ["train", "val"]}
    (tmp_path / "VOC2007/ImageSets/Main/val.txt").write_text("c\nd\n")
    source = VOC(tmp_path, ["cat"], union, {"2007": "test"}, {"2007": "test"}, cache_dir=tmp_path / "cache")
    assert check(source, tmp_path).counts == {Kind.DUPLICATE_IMAGE: 1}
    with pytest.raises(ValueError, match="in two of its splits"):
        train(source)


def test_a_split_without_a_list_is_empty(tmp_path: Path):
    voc(tmp_path)
    source = VOC(tmp_path, ["cat"], {"2007": "train"}, {"2007": None}, {"2007": "test"}, cache_dir=tmp_path / "cache")
    findings = check(source, tmp_path)
    assert findings.counts == {Kind.EMPTY_SPLIT: 1}
    assert "data.val.2007=val" in findings.examples()


def test_the_built_in_data_is_drawn_and_whole(tmp_path: Path):
    shapes = Shapes(tmp_path, image_size=48, train_images=3, val_images=2, test_images=2)
    assert not check(shapes, tmp_path, decode=True).counts


def test_broken_files_of_the_built_in_data_are_listed(tmp_path: Path):
    shapes = Shapes(tmp_path, image_size=48, train_images=3, val_images=2, test_images=2)
    shapes.draw()
    for name in ("train_000001", "train_000003", "val_000002"):
        (shapes.devkit / f"VOC2007/Annotations/{name}.xml").write_text("<annotation>")
    findings = check(shapes, tmp_path)
    assert findings.counts == {Kind.MALFORMED: 3}
    assert [one.split for one in findings.first[Kind.MALFORMED]] == ["train", "train", "val"]


def test_another_source_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="Expected one of this package's data sets, but got str: choose"):
        check("source", tmp_path)


def test_shared_images_by_split():
    images = {
        "train 1": {"train"}, "train 2": {"train"}, "copy of 1": {"train"},
        "val 1": {"val", "test"}, "val 2": {"val", "test"}, "val of train 2": {"val"}, "both": {"train", "test"},
        "gone": {"train"}, "gone too": {"test"},
    }  # fmt: skip
    digests = [b"1", b"2", b"1", b"5", b"5", b"2", b"7", b"", b""]
    listed = [ListedImage(name, None, frozenset(splits)) for name, splits in images.items()]
    found = [(one.kind, one.split, one.file) for one in find_shared_images(listed, digests)]
    assert found == [
        (Kind.SAME_CONTENT, "train", "copy of 1"),
        (Kind.SAME_CONTENT, "val, test", "val 2"),
        (Kind.TRAIN_AND_VAL, "train, val", "val of train 2"),
        (Kind.TRAIN_AND_TEST, "train, test", "both"),
    ]


def test_many_images_go_through_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lightweight_ssd.data.checks.dataset._ENOUGH", {False: 1, True: 1})
    source = voc(tmp_path)
    (tmp_path / "VOC2007/JPEGImages/b.jpg").write_bytes(damaged())
    (tmp_path / "VOC2007/JPEGImages/c.jpg").write_bytes(jpeg(1)[:500])
    with Findings(tmp_path / "problems.csv") as findings:
        check_source(source, findings, decode=True, workers=2)
    assert findings.counts == Counter({Kind.DAMAGED_PIXELS: 1, Kind.TRUNCATED_IMAGE: 1})
