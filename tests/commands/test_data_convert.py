from pathlib import Path

import pytest
from tests.coco_example import document, write
from tests.command_line import run_command
from tests.small_disk import run_on_small_disk

SHAPES = ("data=shapes", "data.image_size=64", "data.train_images=4", "data.val_images=2", "data.test_images=2")
PARTS = [
    override
    for split in ("train", "val", "test")
    for override in (f"data.{split}.annotations=train.json", f"data.{split}.images=images")
]


def test_what_is_converted_can_be_used_as_the_last_line_says(tmp_path: Path, monkeypatch, capsys) -> None:
    outcome = run_command(
        monkeypatch, capsys, "data", "convert", *SHAPES, f"data.root={tmp_path}", "to=coco", f"output={tmp_path / 'c'}"
    )
    assert outcome.code is None and outcome.err == ""
    assert "train: 4 images, " in outcome.out and f"written to {tmp_path / 'c'}" in outcome.out
    last = outcome.out.splitlines()[-1]
    assert last.startswith("  lssd train data=coco ")
    overrides = [word.strip("'") for word in last.split()[2:]]
    again = run_command(monkeypatch, capsys, "data", "convert", *overrides, "to=voc", f"output={tmp_path / 'v'}")
    assert again.code is None and "train: 4 images, " in again.out
    assert """'data.class_names=["circle", "square", "triangle", "star", "heart"]'""" in again.out
    assert len(list((tmp_path / "v" / "VOC2007" / "JPEGImages").iterdir())) == 8


def test_images_that_are_left_out_are_listed(tmp_path: Path, monkeypatch, capsys) -> None:
    content = document()
    content["annotations"][0]["bbox"] = [1, 2, -3, 4]
    write(tmp_path, content)
    arguments = ("data=coco", f"data.root={tmp_path}", *PARTS, f"data.cache_dir={tmp_path / 'cache'}", "to=voc")
    output = tmp_path / "new"
    refused = run_command(monkeypatch, capsys, "data", "convert", *arguments, f"output={output}", "images=none")
    assert refused.code == 1 and "annotation 11 of image 7" in refused.err and not output.exists()
    outcome = run_command(
        monkeypatch, capsys, "data", "convert", *arguments, f"output={output}", "images=none", "data.on_bad=skip",
        "splits=[train]",
    )  # fmt: skip
    assert outcome.code is None
    assert "images were skipped because of 1 problem (data.on_bad=skip), see" in outcome.out
    assert "still to be put into" in outcome.out
    assert "annotation 11 of image 7" in (output / "skipped.txt").read_text()


def test_crowd_regions_are_counted_apart(tmp_path: Path, monkeypatch, capsys) -> None:
    write(tmp_path, document())
    arguments = ("data=coco", f"data.root={tmp_path}", *PARTS, f"data.cache_dir={tmp_path / 'cache'}", "images=none")
    outcome = run_command(monkeypatch, capsys, "data", "convert", *arguments, "to=voc", f"output={tmp_path / 'new'}")
    assert "train: 3 images, 4 objects, 1 crowd region\n" in outcome.out


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    disk, output = tmp_path / "disk", tmp_path / "disk" / "new"
    disk.mkdir()
    arguments = ["lssd", "data", "convert", *SHAPES, f"data.root={tmp_path}", "to=coco", f"output={output}"]
    code = f"""
import sys
from pathlib import Path
from lightweight_ssd.cli import main
sys.argv = {arguments!r}
try:
    main()
except SystemExit as end:
    print("ended with", end.code, list(Path({str(disk)!r}).iterdir()))
"""
    ended = run_on_small_disk(disk, "16k", code)
    assert f"lssd data convert: Expected room to write in {output} but the disk is full" in ended.stderr
    assert "make room, or name another output=…, and call the same command again." in ended.stderr
    assert ended.stdout.endswith("ended with 1 []\n"), ended.stdout + ended.stderr


def test_where_a_split_is_not_converted_no_command_is_promised(tmp_path: Path, monkeypatch, capsys) -> None:
    outcome = run_command(
        monkeypatch, capsys, "data", "convert", *SHAPES, f"data.root={tmp_path}", "to=coco",
        f"output={tmp_path / 'c'}", "splits=[train]",
    )  # fmt: skip
    assert outcome.code is None and "use it with" not in outcome.out
    last = "to train on it, convert val and test too, or set data.val and data.test to files of your own"
    assert outcome.out.splitlines()[-1] == last


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ((), "Expected to, but none was given; give to=coco."),
        (("to=coco",), "Expected output, but none was given; give output=FOLDER."),
        (("to=yolo", "output=x"), "Expected to to be one of coco, voc, but got 'yolo'."),
        (
            ("to=coco", "output=x", "splits=[trainval]"),
            "each one of test, train, val, but got ['trainval'].",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence(tmp_path: Path, monkeypatch, capsys, overrides, words: str) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run_command(monkeypatch, capsys, "data", "convert", *SHAPES, *overrides)
    assert outcome.code == 1 and words in outcome.err and "Traceback" not in outcome.err
