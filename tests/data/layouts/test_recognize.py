"""`data/layouts`: what a folder holds, as files written here have it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.small_exports import SIZES, coco, coco_files, picture, text, voc_files, xml, yolo_files

from lightweight_ssd.data.layouts.assignment import assign, describe_assignment
from lightweight_ssd.data.layouts.listing import ALL, list_files, split_of
from lightweight_ssd.data.layouts.recognize import named_layout, recognize
from lightweight_ssd.data.split import ImageSplit

YAML = "train: images/train\nval: images/val\nnames: [cat, dog]\n"


def _lists(root: Path, year: str, *names: str) -> None:
    for name in names:
        text(root / year / f"ImageSets/Main/{name}.txt", "a\nb\nc\n")


def _devkit(root: Path) -> None:
    for year in ("VOC2007", "VOC2012"):
        voc_files(root, f"{year}/JPEGImages", f"{year}/Annotations")
        _lists(root, year, "train", "val", "trainval", "cat_train", "cat_val", "cat_trainval")
    _lists(root, "VOC2007", "test")


def _year(root: Path) -> None:
    voc_files(root, "JPEGImages", "Annotations")
    _lists(root, "", "train")
    text(root / "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:::\ncat:::\ndog:::\n")


def _yaml(root: Path) -> None:
    for seed, split in enumerate(("train", "val")):
        yolo_files(root, f"images/{split}", f"labels/{split}", seed=seed)
    text(root / "data.yaml", YAML)


def _darknet(root: Path) -> None:
    yolo_files(root, "obj_train_data", "obj_train_data")
    text(root / "train.txt", "data/obj_train_data/a.png\n")
    text(root / "obj.names", "cat\ndog\n")
    text(root / "obj.data", "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n")


def _label_studio_yolo(root: Path) -> None:
    yolo_files(root)
    text(root / "classes.txt", "cat\ndog\n")
    text(root / "notes.json", '{"categories": [{"id": 0, "name": "cat"}], "info": {}}')


def _split_folders(write: Callable[..., None], *places: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        for seed, split in enumerate(("train", "valid", "test")):
            write(root, *(place.replace("SPLIT", split) for place in places), seed=seed)

    return make


def _coco2017(root: Path) -> None:
    for seed, split in enumerate(("train2017", "val2017")):
        coco_files(root, split, f"annotations/instances_{split}.json", seed=seed)
        text(root / f"annotations/person_keypoints_{split}.json", coco())
        text(root / f"annotations/captions_{split}.json", '{"images": [], "annotations": []}')


LAYOUTS: dict[str, tuple[Callable[[Path], None], str, set[str], str]] = {
    "VOC devkit": (_devkit, "voc_devkit", {"train", "val", "test"}, "VOC2007 with train, val, test; VOC2012"),
    "Datumaro, CVAT: VOC": (_year, "voc_year", {"train"}, "with train"),
    "labelImg": (lambda root: voc_files(root, "", ""), "voc_xml", {ALL}, ".xml beside their images in ./"),
    "Roboflow: VOC": (
        _split_folders(voc_files, "SPLIT", "SPLIT"), "voc_xml", {"train", "val", "test"},
        ".xml beside their images in test/, train/, valid/",
    ),
    "supervision: VOC": (
        lambda root: voc_files(root, "images", "annotations"), "voc_xml", {ALL},
        ".xml in annotations/, images in images/",
    ),
    "FiftyOne: VOC": (lambda root: voc_files(root, "data", "labels", empty=False), "voc_xml", {ALL}, "images in data/"),
    "Label Studio: VOC": (lambda root: voc_files(root, "images", "Annotations"), "voc_xml", {ALL}, "images in images/"),
    "no tool": (lambda root: voc_files(root, "JPEGImages", "Annotations"), "voc_xml", {ALL}, "in JPEGImages/"),
    "folders of splits": (
        _split_folders(voc_files, "images/SPLIT", "annotations/SPLIT"), "voc_xml", {"train", "val", "test"},
        ".xml in annotations/test/, annotations/train/, annotations/valid/",
    ),
    "Roboflow: COCO": (
        _split_folders(coco_files, "SPLIT", "SPLIT/_annotations.coco.json"), "coco_json", {"train", "val", "test"},
        "train = train/_annotations.coco.json, images from train/; val = valid/",
    ),
    "COCO 2017": (_coco2017, "coco_json", {"train", "val"}, "instances_train2017.json, images from train2017/"),
    "Datumaro, CVAT: COCO": (
        lambda root: coco_files(root, "images/default", "annotations/instances_default.json"), "coco_json", {ALL},
        "annotations/instances_default.json, images from images/default/",
    ),
    "Label Studio: COCO": (
        lambda root: coco_files(root, "", "result.json", before="images/"), "coco_json", {ALL}, "result.json, images",
    ),
    "FiftyOne: COCO": (lambda root: coco_files(root, "data", "labels.json"), "coco_json", {ALL}, "images from data/"),
    "one JSON beside its images": (lambda root: coco_files(root, "", "a.json"), "coco_json", {ALL}, "a.json, images"),
    "Ultralytics": (_yaml, "yolo_yaml", {"train", "val"}, "data.yaml: train = images/train, val = images/val"),
    "Datumaro, CVAT: YOLO 1.1": (_darknet, "yolo_darknet", {"train"}, "darknet's obj.data: train = train.txt"),
    "Label Studio: YOLO": (_label_studio_yolo, "yolo_txt", {ALL}, "images in images/; names from classes.txt"),
    "labelImg: YOLO": (
        lambda root: (yolo_files(root, "", ""), text(root / "classes.txt", "cat\ndog\n")), "yolo_txt", {ALL},
        ".txt beside their images in ./",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_a_tool_writes_is_recognized_and_said_in_one_line(tmp_path: Path, name: str):
    make, layout, splits, words = LAYOUTS[name]
    make(tmp_path)
    found = recognize(tmp_path)
    assert (found.name, set(found.splits)) == (layout, splits)
    assert words in found.text and "\n" not in found.text
    for asked in (found.name, found.format):
        assert recognize(tmp_path, asked) == found


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_data_set_in_the_only_folder_of_its_kind_is_found_there(tmp_path: Path, name: str):
    make, layout, splits, _ = LAYOUTS[name]
    make(tmp_path / "export")
    text(tmp_path / "README.txt", "exported")
    found = recognize(tmp_path)
    wanted = "voc_devkit" if layout == "voc_year" else layout  # a folder of any name is a year
    assert (found.name, set(found.splits)) == (wanted, splits)


def test_the_same_names_in_two_splits_go_with_their_own_folder(tmp_path: Path):
    _split_folders(voc_files, "SPLIT/images", "SPLIT/annotations")(tmp_path)
    splits = recognize(tmp_path).splits
    for split, folder in (("train", "train"), ("val", "valid"), ("test", "test")):
        assert [part[:2] for part in splits[split]] == [
            (tmp_path / folder / "images", tmp_path / folder / "annotations")
        ]


def test_several_that_fit_are_named_with_how_to_choose(tmp_path: Path):
    voc_files(tmp_path, "", "")
    yolo_files(tmp_path, "", "")
    with pytest.raises(
        ValueError, match=r"several fit: voc_xml .* yolo_txt .*choose data\.layout=voc_xml or data\.layout=yolo_txt"
    ):
        recognize(tmp_path)
    assert recognize(tmp_path, "yolo").name == "yolo_txt"


def test_several_files_for_a_split_are_named_with_how_to_choose(tmp_path: Path):
    coco_files(tmp_path, "images", "first.json")
    text(tmp_path / "second.json", coco())
    with pytest.raises(ValueError, match=r"first\.json and second\.json: choose with data\.annotations=second\.json"):
        recognize(tmp_path)
    _yaml(tmp_path / "yolo")
    (tmp_path / "yolo/data.yaml").rename(tmp_path / "yolo/one.yaml")
    text(tmp_path / "yolo/two.yml", YAML)
    with pytest.raises(ValueError, match=r"one\.yaml and two\.yml: choose with data\.annotations=one\.yaml"):
        recognize(tmp_path / "yolo")


def test_several_data_sets_in_one_folder_are_named(tmp_path: Path):
    for name in ("first", "second"):
        coco_files(tmp_path / name, "images", f"{name}.json")
        (tmp_path / name / "instances.json").write_text(coco())
    with pytest.raises(ValueError, match="choose with"):
        recognize(tmp_path)


def test_none_that_fits_says_what_is_there_and_what_would_fit(tmp_path: Path):
    picture(tmp_path / "photos/a.png", "a")
    text(tmp_path / "other/b.xml", xml("b"))
    text(tmp_path / "captions.json", '{"images": [], "annotations": []}')
    words = (
        r"1 image, 1 \.xml, 1 \.json, no \.txt, no \.yaml.*a VOC devkit.*data\.images=FOLDER data\.annotations=FOLDER"
    )
    with pytest.raises(ValueError, match=words):
        recognize(tmp_path)
    with pytest.raises(ValueError, match=r"what data\.layout=coco stands for"):
        recognize(tmp_path, "coco")
    with pytest.raises(ValueError, match=r"Expected data\.layout to be null or one of voc, coco, yolo, voc_devkit"):
        recognize(tmp_path, "pascal")
    with pytest.raises(FileNotFoundError, match="give root=FOLDER"):
        recognize(tmp_path / "none")


CUT = '{"images": [{"id": 1, "file_na'


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_damaged_json_of_a_split_is_an_error_that_names_it(tmp_path: Path, split: str):
    """Passed over, it would give the split's images to nobody, or take those of val from train."""
    _split_folders(coco_files, "SPLIT", "SPLIT/_annotations.coco.json")(tmp_path)
    text(tmp_path / "info.json", '{"version": 3}')  # JSON of another kind
    text(tmp_path / "train/a.json", CUT)  # of one image
    assert set(recognize(tmp_path).splits) == {"train", "val", "test"}
    text(tmp_path / f"{split}/_annotations.coco.json", CUT)
    with pytest.raises(ValueError, match=rf"Expected a COCO instances file in .*/{split}/_annotations\.coco\.json, .*"):
        recognize(tmp_path)


@pytest.mark.parametrize("content", ["", CUT, "version https://git-lfs.github.com/spec/v1"])
def test_a_damaged_json_that_is_all_there_is_is_named(tmp_path: Path, content: str):
    coco_files(tmp_path, "images", "result.json")
    text(tmp_path / "result.json", content)
    with pytest.raises(ValueError, match=r"Expected a COCO instances file in .*/result\.json, with images"):
        recognize(tmp_path)
    voc_files(tmp_path, "images", "xml")  # then it may be anything
    assert recognize(tmp_path).name == "voc_xml"


def test_a_damaged_json_in_a_folder_of_annotations_is_named(tmp_path: Path):
    _coco2017(tmp_path)
    text(tmp_path / "annotations/person_keypoints_train2017.json", CUT)  # not looked at
    assert set(recognize(tmp_path).splits) == {"train", "val"}
    text(tmp_path / "annotations/instances_extra.json", CUT)
    with pytest.raises(ValueError, match=r"/instances_extra\.json, with images"):
        recognize(tmp_path)


@pytest.mark.parametrize("names", [None, "cat\ndog\n"])
def test_a_damaged_data_yaml_is_named(tmp_path: Path, names: str | None):
    _split_folders(yolo_files, "SPLIT/images", "SPLIT/labels")(tmp_path)
    text(tmp_path / "data.yaml", "train: ../train/images\nnames: [cat, dog\n")
    if names:
        text(tmp_path / "classes.txt", names)
    with pytest.raises(ValueError, match=r"Expected YAML in .*/data\.yaml, but"):
        recognize(tmp_path)
    (tmp_path / "data.yaml").rename(tmp_path / "other.yaml")
    if names:
        assert recognize(tmp_path).name == "yolo_txt"
        return
    with pytest.raises(ValueError, match=r"Expected YAML in .*/other\.yaml, but"):
        recognize(tmp_path)


def test_captions_are_no_labels(tmp_path: Path):
    for name in SIZES:
        picture(tmp_path / f"{name}.png", name)
        text(tmp_path / f"{name}.txt", "a photo of a cat")
    with pytest.raises(ValueError, match="no two of them go together"):
        recognize(tmp_path)


def test_images_without_any_annotations_are_told(tmp_path: Path):
    voc_files(tmp_path, "images", "annotations")
    picture(tmp_path / "more/x.png", "a")
    assert "not used: 1 image without any in more/" in recognize(tmp_path).text


def test_runs_environments_and_hidden_folders_are_left_out(tmp_path: Path):
    coco_files(tmp_path, "images", "mine.json")
    text(tmp_path / "runs/adhoc/one/identity.json", "{}")
    for folder in ("runs/adhoc/one", "evaluations/one", ".cache", "venv/lib"):
        text(tmp_path / folder / "ground_truth.json", coco())
    text(tmp_path / "venv/pyvenv.cfg", "")
    assert list(list_files(tmp_path).files) == ["", "images"]
    assert recognize(tmp_path).text == "COCO's JSON: mine.json, images from images/"


def test_a_link_in_a_circle_ends(tmp_path: Path):
    voc_files(tmp_path, "images", "annotations")
    (tmp_path / "images/again").symlink_to(tmp_path)
    assert recognize(tmp_path).name == "voc_xml"


def test_what_is_named_needs_no_recognizing(tmp_path: Path):
    coco_files(tmp_path, "photos", "work/all.json")
    voc_files(tmp_path, "photos", "boxes")
    yolo_files(tmp_path, "photos", "texts")
    (coco_part,) = named_layout(tmp_path, None, "work/all.json").splits[ALL]
    assert coco_part == (tmp_path / "work/all.json", tmp_path / "photos")
    found = named_layout(tmp_path, "photos", "boxes")
    assert found.name == "voc_xml" and found.splits[ALL][0][:2] == (tmp_path / "photos", tmp_path / "boxes")
    assert named_layout(tmp_path, "photos", "texts").name == "yolo_txt"
    with pytest.raises(FileNotFoundError, match="it is not there"):
        named_layout(tmp_path, "photos", "none")
    with pytest.raises(ValueError, match=r"Expected \.xml or \.txt files"):
        named_layout(tmp_path, None, "photos")


SPLITS = {
    "photos/train": "train", "valid": "val", "Validation/images": "val", "train/valid": "val",
    "instances_test2017": "test",
    "trainval": None, "latest": None, "": None, "train_val": None, "train/a_train_val": "train",
}  # fmt: skip


@pytest.mark.parametrize("path", SPLITS)
def test_the_split_of_a_path_is_a_whole_word_in_it(path: str):
    assert split_of(path) == SPLITS[path]


def test_splits_that_are_there_are_taken_and_others_are_shares():
    ours = ImageSplit(0.2, 0.0)
    assert assign({"train", "val", "test"})["test"].key == "test"
    two = assign({"train", "val"})
    assert two["test"] == two["val"] == ("val", None, "val") and two["train"].share is None
    tested = assign({"train", "test"})
    assert tested["val"] == ("train", ours, "val") and tested["train"] == ("train", ours, "train")
    assert tested["test"] == ("test", None, "test")
    assert {one.key for one in assign({ALL}).values()} == {ALL}
    asked = assign({"train", "val", "test"}, ImageSplit(0.1, 0.1))
    assert {one.key for one in asked.values()} == {"train"}
    assert set(assign({"test"})) == {"val", "test"} and assign({"val"}, ours) == {}


def test_what_was_decided_is_one_line():
    assert describe_assignment(assign({"train", "val", "test"})) == ""
    assert describe_assignment(assign({"train", "test"})) == (
        "val is 20 % of the images to train on, by a hash of their names; data.split={val: 0.2, test: 0} changes that"
    )
    grouped = describe_assignment(assign({ALL}, ImageSplit(0.3, 0.1, "^(.*)_")))
    assert "; images with the same '^(.*)_' in their names stay together; " in grouped
    assert grouped.endswith('data.split={val: 0.3, test: 0.1, groups: "^(.*)_"} changes that')
    assert "test is 10 %" in describe_assignment(assign({ALL}, ImageSplit(0.2, 0.1)))
