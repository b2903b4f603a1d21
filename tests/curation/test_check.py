import subprocess
import sys
from pathlib import Path

import pytest
from tests.broken_data import IMAGE_CASES, VOC_CASES, coco, voc

import lightweight_ssd as lssd
from lightweight_ssd.curation.check import data_check
from lightweight_ssd.data.checks.problems import Kind

UNION = {"train": {2007: "train"}, "val": {2007: "val"}, "test": {2007: "test"}}
CHECK = """
import sys
import lightweight_ssd as lssd
union = {"train": {2007: "train"}, "val": {2007: "val"}, "test": {2007: "test"}}
part = lambda split: {"annotations": f"{split}.json", "images": "images"}
for decode in (False, True):
    check = lssd.data_check("voc", decode, root="voc", class_names=["cat", "dog"], cache_dir="cache", **union)
    assert check.images == {"train": 3, "val": 2, "test": 2} and not check.counts, check
    parts = {split: part(split) for split in union}
    check = lssd.data_check("coco", decode, root="coco", cache_dir="cache", **parts)
    assert check.images == {"train": 3, "val": 2, "test": 2} and not check.counts, check
print(sorted({"torch", "torchvision", "lightning", "albumentations", "matplotlib"} & sys.modules.keys()))
"""


def test_a_set_is_checked_from_python_by_name(tmp_path: Path) -> None:
    voc(tmp_path)
    VOC_CASES["class"][1](tmp_path)
    (tmp_path / "VOC2007/JPEGImages/c.jpg").write_bytes(IMAGE_CASES["gray"][1])
    output = tmp_path / "made" / "list.csv"
    settings = {"root": tmp_path, "class_names": ["cat", "dog"], "cache_dir": tmp_path / "cache", **UNION}
    check = lssd.data_check("voc", output=output, workers=1, **settings)
    assert check.images == {"train": 3, "val": 2, "test": 2}
    assert check.counts == {Kind.UNKNOWN_CLASS: 1, Kind.GRAYSCALE: 1}
    assert (check.errors, check.notes, check.output, check.decoded) == (1, 1, output, False)
    wrong, note = check.problems()
    assert (wrong.kind, wrong.split, wrong.detail) == (Kind.UNKNOWN_CLASS, "train", "object 1: 'catt'")
    assert wrong.file == str(tmp_path / "VOC2007/Annotations/b.xml") and note.severity == "note"
    assert "1 error, 1 note; the whole list: " in str(check)


def test_a_live_source_is_checked(tmp_path: Path) -> None:
    check = data_check(coco(tmp_path), output=tmp_path / "problems.csv")
    assert (check.counts, check.errors, list(check.problems())) == ({}, 0, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decode": "all"}, "Expected decode to be true or false, but got 'all'."),
        ({"workers": 0}, "Expected workers to be a whole number of at least 1 or null, but got 0."),
        ({"outptu": "x"}, "There is no setting outptu of the data"),
    ],
)
def test_a_wrong_argument_is_one_sentence(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        data_check("voc", **arguments)
    assert message in str(raised.value)


SHELL = """
import sys
from lightweight_ssd.cli import main
union = [f"data.{split}.2007={split}" for split in ("train", "val", "test")]
sys.argv = ["lssd", "data", "check", "voc", "data.root=voc", "data.class_names=[cat, dog]", "data.cache_dir=cache"]
sys.argv += ["decode=true", "data.train.2012=null", *union]
main()
print("torch" in sys.modules)
"""


def test_the_command_loads_no_torch(tmp_path: Path) -> None:
    voc(tmp_path / "voc")
    ended = subprocess.run(
        [sys.executable, "-c", SHELL], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "no errors, no notes; the whole list: problems.csv" in ended.stdout
    assert ended.stdout.endswith("\nFalse\n")


def test_a_check_loads_no_torch(tmp_path: Path) -> None:
    voc(tmp_path / "voc")
    coco(tmp_path / "coco")
    ended = subprocess.run(
        [sys.executable, "-c", CHECK], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr
