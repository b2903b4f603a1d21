"""`data/formats/yolo_config.py`: data.yaml, obj.data and lists of names."""

from pathlib import Path

import pytest

from lightweight_ssd.data.formats.yolo_config import is_config, read_config, read_names


def write(root: Path, text: str, name: str = "data.yaml") -> Path:
    for folder in ("images/train", "images/val"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")
    return root / name


NAMES = {
    "names: [cat, dog]": ("cat", "dog"),
    "nc: 2\nnames:\n  - cat\n  - dog": ("cat", "dog"),
    "names:\n  1: dog\n  0: cat": ("cat", "dog"),
    "names: [no, yes]": ("no", "yes"),  # truth values to YAML 1.1
    "names: {0: 2007, 1: 1e3}": ("2007", "1e3"),
    "nc: 3": ("class_0", "class_1", "class_2"),
}


@pytest.mark.parametrize("text", NAMES)
def test_names_are_a_list_or_a_mapping_and_always_text(tmp_path: Path, text: str):
    file = write(tmp_path, f"train: images/train\nval: images/val\n{text}\n")
    assert read_config(file).class_names == NAMES[text] and is_config(file)


PATHS = ("", "path: .\n", "path:\n", "path: {root}\n", "path: null\n")


@pytest.mark.parametrize("path", PATHS)
def test_a_path_starts_from_the_files_folder_or_from_path(tmp_path: Path, path: str):
    file = write(
        tmp_path, f"{path}train: images/train\nvalid: images/val\nnames: [cat]\n".replace("{root}", str(tmp_path))
    )
    config = read_config(file)
    assert config.splits == {"train": (tmp_path / "images/train",), "val": (tmp_path / "images/val",)}
    assert config.notes == ()


def test_a_split_may_be_several_folders_and_test_may_be_empty(tmp_path: Path):
    file = write(tmp_path, "train: [images/train, images/val]\nval: images/val\ntest:\nnames: [cat]\n")
    assert read_config(file).splits["train"] == (tmp_path / "images/train", tmp_path / "images/val")
    assert "test" not in read_config(file).splits


MOVED = ("../images/train", "/content/datasets/mine/images/train", "data\\images\\train", "mine/images/train")


@pytest.mark.parametrize("written", MOVED)
def test_what_was_moved_is_found_by_the_end_of_its_path_and_noted(tmp_path: Path, written: str):
    file = write(tmp_path, f"train: {written}\nval: images/val\nnames: [cat]\n")
    config = read_config(file)
    assert config.splits["train"] == (tmp_path / "images/train",)
    assert config.notes == (f"{written} of {file} is not there, so {tmp_path / 'images/train'} is taken.",)


def test_a_path_that_is_not_there_is_noted_and_a_split_that_is_nowhere_stays_as_written(tmp_path: Path):
    file = write(tmp_path, "path: ../datasets/mine\ntrain: images/train\nval: pictures/val\nnames: [cat]\n")
    config = read_config(file)
    assert config.splits["train"] == (tmp_path / "images/train",)
    assert config.splits["val"] == (tmp_path / "pictures/val",)
    assert "path: ../datasets/mine" in config.notes[0]


WRONG = {
    "train: images/train\n": "Expected names: \\[cat, dog\\]",
    "names: [cat]\nnc: 2\n": "Expected nc: 1",
    "names: {1: cat, 2: dog}\n": "Expected names by number, 0, 1, 2",
    "names: [cat, cat]\n": "Expected different class names",
    "names: []\n": "Expected different class names",
    "names: [[cat]]\n": "Expected names:",
    "names: cat\n": "Expected names:",
    "- a\n": "it holds no mapping",
    "names: [cat\n": "Expected YAML in",
    "names: [cat]\nkpt_shape: 17\n": "Expected kpt_shape",
    "[" * 20000: "Expected YAML in",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:20])
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str):
    with pytest.raises(ValueError, match=WRONG[text]):
        read_config(write(tmp_path, text))


def test_nothing_in_a_yaml_file_is_run(tmp_path: Path):
    file = write(tmp_path, f"names: !!python/object/apply:os.mkdir ['{tmp_path}/made']\ntrain: images/train\n")
    assert read_config(file).class_names == (f"{tmp_path}/made",)
    assert not (tmp_path / "made").exists()


def test_other_yaml_files_are_none(tmp_path: Path):
    for text in ("services: {db: {}}\n", "names: [a]\n", "train: a\n", "a: [", ""):
        assert not is_config(write(tmp_path, text))
    assert not is_config(tmp_path / "missing.yaml")


def test_keypoints_of_a_pose_set_are_counted(tmp_path: Path):
    assert read_config(write(tmp_path, "train: images/train\nnames: [a]\nkpt_shape: [17, 3]\n")).keypoints == 51


def test_darknets_file_leads_to_its_names_without_the_folder_data(tmp_path: Path):
    (tmp_path / "obj.names").write_text("cat\n\ndog\n")
    (tmp_path / "train.txt").write_text("data/obj_train_data/a.png\n")
    file = write(
        tmp_path, "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n", "obj.data"
    )
    config = read_config(file)
    assert config.class_names == ("cat", "dog") and config.splits == {"train": (tmp_path / "train.txt",)}


def test_a_list_of_names_is_read_line_by_line(tmp_path: Path):
    file = tmp_path / "classes.txt"
    file.write_bytes("\ufefftraffic light\r\n Katze \n".encode())
    assert read_names(file) == ("traffic light", "Katze")
    file.write_text("\n")
    with pytest.raises(ValueError, match="at least one"):
        read_names(file)
    with pytest.raises(FileNotFoundError, match="put it there"):
        read_names(tmp_path / "none.txt")
