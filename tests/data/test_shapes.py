import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.data.images.reader import read_image
from lightweight_ssd.data.shapes import Shapes


def small(root: Path, **options: object) -> Shapes:
    values = {"image_size": 64, "train_images": 6, "val_images": 3, "test_images": 2, **options}
    return Shapes(root, **values)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_whole_devkit_is_drawn_and_read_back(tmp_path: Path) -> None:
    source = small(tmp_path)
    assert [len(source.annotations(split)) for split in ("train", "val", "test")] == [6, 3, 2]
    assert source.class_names == ("circle", "square", "triangle", "star", "heart")
    assert sum(len(one.boxes) for one in source.annotations("train")) > 0
    for one in source.annotations("val"):
        assert max(one.height, one.width) == 64
        read_image(one.path, expected_size=(one.height, one.width))
    folder = source.devkit / "VOC2007"
    assert sorted(path.name for path in folder.iterdir()) == ["Annotations", "ImageSets", "JPEGImages"]
    assert len(list((folder / "Annotations").iterdir())) == len(list((folder / "JPEGImages").iterdir())) == 11
    assert json.loads((source.devkit / "shapes.json").read_text())["image_size"] == 64


def test_the_same_parameters_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = small(tmp_path / "one"), small(tmp_path / "other")
    one.annotations("train")
    other.annotations("test")
    assert contents(one.devkit) == contents(other.devkit)


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    for cores in ({0}, {0, 1, 2}):
        monkeypatch.setattr("os.sched_getaffinity", lambda process, cores=cores: cores)
        source = small(tmp_path / str(len(cores)), image_size=32, train_images=500)
        source.draw()
        drawn.append(contents(source.devkit))
    assert drawn[0] == drawn[1]


def test_a_list_that_has_lost_lines_is_named(tmp_path: Path) -> None:
    """Nobody would miss its images, and the metrics would be of another set."""
    source = small(tmp_path)
    source.draw()
    path = source.devkit / "VOC2007" / "ImageSets" / "Main" / "val.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(ValueError, match=rf"Expected 3 images in {path} but got 2; delete {source.devkit}"):
        source.annotations("test")


def test_a_root_that_cannot_be_made_is_named() -> None:
    """Where not even root may write."""
    with pytest.raises(ValueError, match=r"Expected a folder to write in for data.root=… but got /proc/shapes"):
        small(Path("/proc/shapes")).draw()


def test_other_parameters_lie_elsewhere(tmp_path: Path) -> None:
    one, other = small(tmp_path), small(tmp_path, seed=1)
    assert one.devkit.parent == other.devkit.parent == tmp_path
    assert one.devkit != other.devkit
    assert not np.array_equal(one.annotations("train").boxes, other.annotations("train").boxes)


def test_more_pictures_leave_the_first_ones_as_they_were(tmp_path: Path) -> None:
    few, more = small(tmp_path), small(tmp_path, train_images=8)
    assert np.array_equal(few.annotations("train")[5].boxes, more.annotations("train")[5].boxes)


def test_splits_share_no_picture(tmp_path: Path) -> None:
    source = small(tmp_path)
    source.annotations("train")
    images = [path.read_bytes() for path in (source.devkit / "VOC2007" / "JPEGImages").iterdir()]
    assert len(set(images)) == len(images)


def test_what_is_drawn_is_not_drawn_again(tmp_path: Path) -> None:
    source = small(tmp_path)
    source.annotations("train")
    mark = source.devkit / "mark"
    mark.touch()
    small(tmp_path).annotations("val")
    assert mark.exists()


def test_drawing_reads_nothing_back(tmp_path: Path) -> None:
    source = small(tmp_path)
    source.draw()
    broken = source.devkit / "VOC2007/Annotations/train_000001.xml"
    broken.write_text("")
    source.draw()
    assert broken.read_text() == ""
    with pytest.raises(ValueError, match=r"train_000001\.xml"):
        source.annotations("train")


def test_a_killed_drawing_leaves_nothing_that_looks_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise KeyboardInterrupt

    source = small(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("lightweight_ssd.data.shapes.write_split", fail)
        with pytest.raises(KeyboardInterrupt):
            source.annotations("train")
    assert list(tmp_path.iterdir()) == []
    assert len(source.annotations("train")) == 6


def test_of_two_processes_the_first_one_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = small(tmp_path)
    draw = Shapes._draw_devkit

    def draw_late(self: Shapes, folder: Path) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Shapes, "_draw_devkit", draw)
            small(tmp_path).annotations("train")
        (self.devkit / "mark").touch()
        draw(self, folder)

    monkeypatch.setattr(Shapes, "_draw_devkit", draw_late)
    assert len(late.annotations("train")) == 6
    assert (late.devkit / "mark").exists()
    assert [path.name for path in tmp_path.iterdir()] == [late.devkit.name]


def test_some_classes_only(tmp_path: Path) -> None:
    source = small(tmp_path, class_names=["star", "circle"])
    assert source.class_names == ("star", "circle")
    assert set(source.annotations("train").labels.tolist()) <= {0, 1}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("class_names", ["circle", "cat"]),
        ("class_names", []),
        ("class_names", ["star", "star"]),
        ("min_scale", 0.0),
        ("max_scale", 1.5),
        ("min_scale", 0.9),
        ("train_images", 0),
        ("max_objects", 0),
        ("image_size", 8),
        ("seed", -1),
    ],
)
def test_parameters_out_of_range_are_named(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"Expected .*data\.{name}.*but got"):
        small(tmp_path, **{name: value})


def test_the_config_holds_the_defaults() -> None:
    values = yaml.safe_load((CONF_DIR / "data" / "shapes.yaml").read_text(encoding="utf-8"))
    assert values.pop("_target_") == "lightweight_ssd.data.shapes.Shapes"
    assert Shapes(**values) == Shapes(values["root"])


def test_pictures_are_jpegs_in_color(tmp_path: Path) -> None:
    image = cv2.imread(small(tmp_path).annotations("test")[0].path, cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert image.shape[2] == 3


def test_a_root_named_by_a_number_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra makes a number of `data.root=2007`."""
    monkeypatch.chdir(tmp_path)
    assert Shapes(2007, image_size=64).devkit.parent == tmp_path / "2007"


@pytest.mark.parametrize("below", ["", "shapes"])
def test_a_root_that_is_a_file_is_told(tmp_path: Path, below: str) -> None:
    (tmp_path / "data.zip").touch()
    with pytest.raises(ValueError, match=r"Expected data\.root to be a folder, but .*data\.zip is a file: give one to"):
        small(tmp_path / "data.zip" / below)


def test_no_root_is_told() -> None:
    with pytest.raises(ValueError, match=r"Expected data\.root to be a folder, but it is null: give one to draw into"):
        Shapes(None)
