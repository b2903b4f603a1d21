import csv
from pathlib import Path

import pytest
from tests.broken_data import IMAGE_CASES, VOC_CASES, coco, damaged, jpeg, voc
from tests.command_line import Outcome, run_command

DECIDED = [
    "boxes count from 0: nothing in the files says otherwise, and most tools do; data.origin=1 if they count from 1",
    "train: 3 images, 2 classes: cat 3, dog 0",
    "val: 2 images, 2 classes: cat 2, dog 0",
    "test: 2 images, 2 classes: cat 2, dog 0",
]
UNION = ("data.train.2007=train", "data.train.2012=null", "data.val.2007=val", "data.test.2007=test")


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    voc(tmp_path / "devkit")

    def run(*arguments: str) -> Outcome:
        source = ("data=voc", "data.root=devkit", "data.class_names=[cat, dog]", "data.cache_dir=cache", *UNION)
        return run_command(monkeypatch, capsys, "data", "check", *source, *arguments)

    return run


@pytest.mark.slow
def test_nothing_wrong_ends_well(check):
    ended = check()
    assert ended.code is None
    assert ended.out.splitlines() == [
        "images read: train 3, val 2, test 2 (headers only; decode=true finds damaged pixels, too)",
        *DECIDED,
        "",
        "no errors, no notes; the whole list: problems.csv",
    ]
    assert len(Path("problems.csv").read_text().splitlines()) == 1


def test_errors_end_with_code_1_a_table_and_what_to_do(check):
    VOC_CASES["class"][1](Path("devkit"))
    Path("devkit/VOC2007/JPEGImages/a.jpg").write_bytes(jpeg(1)[:500])
    Path("devkit/VOC2007/JPEGImages/c.jpg").write_bytes(IMAGE_CASES["gray"][1])
    ended = check("output=made/list.csv")
    assert ended.code == 1
    lines = [line.split() for line in ended.out.splitlines()]
    head = lines.index(["kind", "count", "first", "files"])
    assert lines[head : head + 4] == [
        ["kind", "count", "first", "files"],
        ["error", "unknown", "class", "1", "b.xml"],
        ["error", "truncated", "image", "1", "a.jpg"],
        ["note", "grayscale", "image", "1", "c.jpg"],
    ]
    assert "\nunknown class: b.xml: object 1: 'catt'\n" in ended.out
    assert "\n2 errors, 1 note; the whole list: made/list.csv\n" in ended.out
    assert "Correct these files, or let training leave their images out: data.on_bad=skip." in ended.out
    with Path("made/list.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["severity"], row["kind"], row["split"]) for row in rows} == {
        ("error", "unknown class", "train"), ("error", "truncated image", "train"), ("note", "grayscale image", "train")
    }  # fmt: skip
    assert all(Path(row["file"]).is_file() for row in rows)


def test_what_skipping_does_not_help_against_is_named(check):
    VOC_CASES["empty list"][1](Path("devkit"))
    ended = check()
    assert ended.code == 1
    assert "since data.on_bad=skip does not help: empty split." in ended.out
    assert "leave their images out" not in ended.out
    assert "train.txt, but the list is empty" in ended.out


def test_notes_alone_end_well(check):
    Path("devkit/VOC2007/JPEGImages/a.jpg").write_bytes(damaged())
    assert check().out.count("no errors, no notes") == 1
    ended = check("decode=true")
    assert ended.code is None
    assert "no errors, 1 note" in ended.out
    assert "images read: train 3, val 2, test 2\n" in ended.out


def test_coco_and_the_built_in_data_by_a_bare_word(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    coco(tmp_path / "set")
    parts = [f"data.{split}.annotations={split}.json" for split in ("train", "val", "test")]
    parts += [f"data.{split}.images=images" for split in ("train", "val", "test")]
    source = ("coco", "data.root=set", f"data.cache_dir={tmp_path / 'cache'}", *parts)
    ended = run_command(monkeypatch, capsys, "data", "check", *source)
    assert ended.code is None and "no errors" in ended.out
    drawn = ("shapes", "data.train_images=2", "data.val_images=1", "data.test_images=1", "data.image_size=64")
    ended = run_command(monkeypatch, capsys, "data", "check", *drawn)
    assert ended.code is None and "train 2, val 1, test 1" in ended.out


def test_missing_data_says_where_it_was_looked_for(check):
    ended = check("data.root=nowhere")
    assert ended.code == 1
    assert str(Path("nowhere").absolute()) in ended.out and "data.root" in ended.out


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("decode=all", "Expected decode to be true or false, but got 'all'."),
        ("workers=0", "Expected workers to be a whole number of at least 1 or null, but got 0."),
        ("output=devkit", "Expected a file for output=… but devkit is a folder; give output=devkit/problems.csv."),
        ("output=file/list.csv", "Expected a folder to write in for output=… but got file"),
        ("data.class_names=[]", "Expected class_names to be different names"),
    ],
)
def test_bad_setting_gets_one_sentence(option: str, message: str, check):
    Path("file").touch()
    ended = check(option)
    assert ended.code == 1
    assert message in ended.err and "Traceback" not in ended.err
