from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from tests.coco_example import document, write

from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.data.coco import COCO
from lightweight_ssd.data.dataset import DetectionDataset
from lightweight_ssd.data.formats.convert import convert
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.shapes import Shapes
from lightweight_ssd.data.voc import VOC
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.types import Annotation

SPLITS = ("train", "val", "test")


def as_coco(folder: Path) -> COCO:
    parts = {name: {"annotations": f"annotations/instances_{name}.json", "images": "images"} for name in SPLITS}
    return COCO(folder, **parts, cache_dir=folder / "cache")


def as_voc(folder: Path, class_names: tuple[str, ...]) -> VOC:
    return VOC(folder, class_names, *({"2007": name} for name in SPLITS), cache_dir=folder / "cache")


def assert_same(one: PackedAnnotations, other: PackedAnnotations) -> None:
    assert one.class_names == other.class_names
    for left, right in zip(one, other, strict=True):
        assert Path(left.path).name == Path(right.path).name
        for name in ("height", "width", "boxes", "labels", "difficult", "crowd", "areas"):
            np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Shapes:
    return Shapes(tmp_path_factory.mktemp("shapes"), image_size=96, train_images=12, val_images=8, test_images=3)


@pytest.fixture(scope="module")
def pair(shapes: Shapes, tmp_path_factory: pytest.TempPathFactory) -> tuple[VOC, COCO]:
    """A devkit and its conversion."""
    voc = as_voc(shapes.devkit, tuple(shapes.class_names))
    splits = {name: shapes.annotations(name) for name in SPLITS}
    folder = tmp_path_factory.mktemp("converted") / "coco"
    convert(splits, "coco", folder)
    return voc, as_coco(folder)


@pytest.mark.slow
def test_a_devkit_and_its_conversion_give_the_same_annotations(pair: tuple[VOC, COCO]) -> None:
    for split in SPLITS:
        one, other = (source.annotations(split) for source in pair)
        assert_same(one, other)
        assert one.difficult.any() or split == "test"
        assert other.category_ids == (1, 2, 3, 4, 5)
        assert np.array_equal(one.image_ids, other.image_ids)


def pipeline() -> Any:
    """The augmentation that uses most: crop, flip, colors, GrayMixRGB, and Mosaic with its partners."""
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config = compose("train", ["run_dir=/nowhere", "augment=gray_mix_rgb_mosaic", "image_size=64"])
    return build(config.augment)


@pytest.mark.slow
def test_a_devkit_and_its_conversion_give_samples_equal_to_the_byte(pair: tuple[VOC, COCO]) -> None:
    one, other = (DetectionDataset(source.annotations("train"), pipeline(), seed=3) for source in pair)
    assert len(one) == len(other) == 12
    for index in range(12):
        left, right = one[index], other[index]
        assert left.image.numpy().tobytes() == right.image.numpy().tobytes()
        assert left.boxes.numpy().tobytes() == right.boxes.numpy().tobytes()
        assert torch.equal(left.labels, right.labels)


def found(annotation: Annotation) -> Detections:
    """Some of the objects, imprecisely, and something that is none."""
    rng = np.random.default_rng(len(annotation.boxes))
    boxes = np.concatenate([annotation.boxes[:2], [[0, 0, 9, 9]]]) + rng.normal(
        0, 4, (len(annotation.boxes[:2]) + 1, 1)
    )
    labels = np.concatenate([annotation.labels[:2], [0]])
    scores = rng.random(len(labels))
    return Detections(torch.tensor(boxes).float(), torch.tensor(scores).float(), torch.tensor(labels))


def test_a_devkit_and_its_conversion_give_the_same_figures(pair: tuple[VOC, COCO]) -> None:
    figures = []
    for source in pair:
        metric = VOCMetric(source.class_names)
        annotations = list(source.annotations("val"))
        metric.update([found(annotation) for annotation in annotations], annotations)
        figures.append(metric.compute().scalars())
    assert figures[0] == figures[1]
    assert 0 < figures[0]["map_50"] < 1


def coco_example(folder: Path) -> PackedAnnotations:
    write(folder, document())
    part = {"annotations": "train.json", "images": "images"}
    return COCO(folder, part, part, part, cache_dir=folder / "cache").annotations("train")


def test_crowds_areas_and_difficult_objects_come_back_from_voc(tmp_path: Path) -> None:
    before = coco_example(tmp_path / "first")
    assert before.crowd.any() and before.difficult.any()
    convert({"train": before, "val": before}, "voc", tmp_path / "voc", images="link")
    voc = VOC(
        tmp_path / "voc", before.class_names, {"2007": "train"}, {"2007": "val"}, {}, cache_dir=tmp_path / "cache"
    )
    assert_same(before, voc.annotations("train"))
    assert_same(before, voc.annotations("val"))
    assert (tmp_path / "voc" / "VOC2007" / "JPEGImages" / "c.png").resolve() == Path(before[2].path)
    splits = {name: voc.annotations("train") for name in SPLITS}
    convert(splits, "coco", tmp_path / "coco", images="copy")
    assert_same(before, as_coco(tmp_path / "coco").annotations("train"))


def test_original_ids_stay_within_coco(tmp_path: Path) -> None:
    before = coco_example(tmp_path / "first")
    convert(dict.fromkeys(SPLITS, before), "coco", tmp_path / "coco")
    after = as_coco(tmp_path / "coco").annotations("test")
    assert (after.category_ids, after.image_ids.tolist()) == ((3, 18, 90), [42, 7, 1000])


def annotations_of(*paths: str, class_names: tuple[str, ...] = ("cat",)) -> PackedAnnotations:
    box = np.array([[1, 2, 3, 4]], dtype=np.float32)
    rows = [Annotation.of_boxes(row, path, 9, 9, box, np.array([0])) for row, path in enumerate(paths)]
    return PackedAnnotations.from_annotations(rows, class_names)


@pytest.mark.parametrize(
    ("to", "paths", "words"),
    [
        ("coco", ("/x/a.jpg", "/y/a.jpg"), r"/x/a\.jpg and /y/a\.jpg are both 'a\.jpg': rename one"),
        ("voc", ("/x/a.jpg", "/x/a.png"), r"different names that can stand in a list, but got 'a\.jpg'"),
        ("voc", ("/x/a.bmp",), r"\.jpg, \.jpeg or \.png .*'a\.bmp'"),
        ("voc", ("/x/a 1.jpg",), r"can stand in a list, but got 'a 1\.jpg'"),
        ("voc", ("/x/ a.jpg",), r"can stand in a list, but got ' a\.jpg'"),
        ("coco", ("/x/a\udcff.jpg",), r"written as text, but got 'a\\udcff\.jpg'"),
        ("voc", ("/x/a\n.jpg",), r"written as text"),
    ],
)
def test_names_for_which_there_is_no_place_are_told(
    tmp_path: Path, to: str, paths: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        convert({"train": annotations_of(*paths)}, to, tmp_path / "new", images="none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", ["coco", "voc"])
def test_the_same_name_in_another_split_gets_that_of_its_split_before_it(tmp_path: Path, to: str) -> None:
    splits = {
        "train": annotations_of("/x/a.jpg"),
        "val": annotations_of("/y/a.jpg"),
        "test": annotations_of("/y/a.jpg"),
    }
    for path in ("x/a.jpg", "y/a.jpg"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_bytes(b"\xff\xd8" + path.encode())
    moved = {name: annotations_of(*(f"{tmp_path}{path}" for path in each.paths())) for name, each in splits.items()}
    convert(moved, to, tmp_path / "new")
    source = as_coco(tmp_path / "new") if to == "coco" else as_voc(tmp_path / "new", ("cat",))
    names = [[Path(path).name for path in source.annotations(split).paths()] for split in SPLITS]
    assert names == [["a.jpg"], ["val_a.jpg"], ["val_a.jpg"]]
    folder = tmp_path / "new" / ("images" if to == "coco" else "VOC2007/JPEGImages")
    assert (folder / "val_a.jpg").read_bytes() == b"\xff\xd8y/a.jpg"
    assert sorted(path.name for path in folder.iterdir()) == ["a.jpg", "val_a.jpg"]


def test_a_class_name_that_xml_cannot_hold_is_told(tmp_path: Path) -> None:
    for name in (" cat", "c\nat", "c\x00at"):
        with pytest.raises(ValueError, match="class names that XML can hold"):
            convert({"train": annotations_of("/x/a.jpg", class_names=(name,))}, "voc", tmp_path / "new", images="none")


def test_two_annotations_of_one_image_do_not_fit_into_a_devkit(tmp_path: Path) -> None:
    one = annotations_of("/x/a.jpg")
    other = PackedAnnotations.from_annotations([one[0]._replace(difficult=np.array([True]))], ("cat",))
    with pytest.raises(ValueError, match=r"same annotation of /x/a\.jpg in all splits.*splits=\[val\]"):
        convert({"train": one, "val": other}, "voc", tmp_path / "new", images="none")


@pytest.mark.parametrize(("to", "images"), [("yolo", "copy"), ("voc", "move")])
def test_an_unknown_format_or_way_is_told(tmp_path: Path, to: str, images: str) -> None:
    with pytest.raises(ValueError, match="to be one of"):
        convert({"train": annotations_of("/x/a.jpg")}, to, tmp_path / "new", images=images)


def test_nothing_is_overwritten_and_nothing_half_written_stays(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    with pytest.raises(ValueError, match="new or empty folder"):
        convert({"train": annotations_of("/x/a.jpg")}, "coco", tmp_path / "full", images="none")
    with pytest.raises(FileNotFoundError, match=r"/x/a\.jpg"):  # annotations are written, then an image is missing
        convert({"train": annotations_of("/x/a.jpg")}, "coco", tmp_path / "new", images="copy")
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    (tmp_path / "empty").mkdir()
    convert({"train": annotations_of("/x/a.jpg")}, "coco", tmp_path / "empty", images="none")
    assert sorted(path.name for path in (tmp_path / "empty").iterdir()) == ["annotations", "images"]
