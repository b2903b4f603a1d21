"""Bad input gets one clear sentence that names the file and what to do; no traceback, and nothing is lost."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.command_line import run_command

pytestmark = pytest.mark.slow

XML = """<annotation><filename>{name}.jpg</filename>
<size><width>{width}</width><height>{height}</height><depth>3</depth></size>
<object><name>{label}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>
</annotation>"""
GOOD = {"width": 80, "height": 60, "label": "cat", "x1": 5, "y1": 5, "x2": 40, "y2": 50}


def _devkit(root: Path) -> Path:
    year = root / "VOC2007"
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (year / folder).mkdir(parents=True)
    names = [f"{number:06d}" for number in range(4)]
    for number, name in enumerate(names):
        image = np.random.default_rng(number).integers(0, 255, (60, 80, 3), np.uint8)
        cv2.imwrite(str(year / "JPEGImages" / f"{name}.jpg"), image)
        (year / "Annotations" / f"{name}.xml").write_text(XML.format(name=name, **GOOD))
    for split in ("train", "val", "empty"):
        (year / "ImageSets" / "Main" / f"{split}.txt").write_text("" if split == "empty" else "\n".join(names))
    return root


def _annotate(root: Path, **fields: object) -> None:
    path = root / "VOC2007" / "Annotations" / "000002.xml"
    path.write_text(XML.format(name="000002", **{**GOOD, **fields}))


def _break(root: Path, case: str) -> None:
    jpeg = root / "VOC2007" / "JPEGImages" / "000002.jpg"
    if case == "malformed XML":
        path = root / "VOC2007" / "Annotations" / "000002.xml"
        path.write_text(path.read_text()[:100])
    elif case == "truncated JPEG":
        jpeg.write_bytes(jpeg.read_bytes()[:600])
    elif case == "missing image":
        jpeg.unlink()
    elif case == "other size":
        cv2.imwrite(str(jpeg), np.zeros((50, 50, 3), np.uint8))
    elif case == "unknown class":
        _annotate(root, label="catt")
    elif case == "box outside":
        _annotate(root, x1=90, x2=120)
    elif case == "box without area":
        _annotate(root, x1=41, x2=40)


def _train(tmp_path: Path, root: Path, monkeypatch, capsys, *overrides: str):
    monkeypatch.chdir(tmp_path)
    return run_command(
        monkeypatch, capsys, "train", "experiment=smoke", "data=voc", f"data.root={root}",
        "data.class_names=[cat, dog]", "data.train.2007=train", "data.train.2012=null", "data.val.2007=val",
        "data.test.2007=val",
        f"data.cache_dir={tmp_path / 'cache'}", "logger=csv", *overrides,
    )  # fmt: skip


CASES = {
    "malformed XML": ("000002.xml",),
    "truncated JPEG": ("000002.jpg",),
    "missing image": ("000002",),
    "other size": ("000002.jpg", "80", "50"),
    "unknown class": ("000002.xml", "catt", "cat"),
    "box outside": ("000002.xml",),
    "box without area": ("000002.xml",),
}


@pytest.mark.parametrize("case", CASES)
def test_one_sentence_names_the_file(tmp_path: Path, monkeypatch, capsys, case: str) -> None:
    root = _devkit(tmp_path / "devkit")
    _break(root, case)
    outcome = _train(tmp_path, root, monkeypatch, capsys)
    assert outcome.code == 1
    assert "Traceback" not in outcome.err + outcome.out
    (sentence,) = [line for line in outcome.err.splitlines() if line.startswith("lssd train: ")]
    for part in CASES[case]:
        assert part in sentence


_QUICK = ("trainer.max_epochs=1", "gray_test=false", "latency=null", "pictures=0")


@pytest.mark.parametrize("case", CASES)
def test_skip_trains_on_the_rest_and_lists_what_was_left_out(tmp_path: Path, monkeypatch, capsys, case: str) -> None:
    root = _devkit(tmp_path / "devkit")
    _break(root, case)
    outcome = _train(tmp_path, root, monkeypatch, capsys, "data.on_bad=skip", *_QUICK)
    assert outcome.code is None, outcome.err
    (listed,) = (tmp_path / "runs").rglob("skipped.json")
    sentences = json.loads(listed.read_text())
    assert set(sentences) == {"train", "val", "test"}
    for split in sentences.values():
        assert len(split) == 1 and all(part in split[0] for part in CASES[case])
    assert f"(data.on_bad=skip), listed in {listed}." in outcome.out
    truth = json.loads((listed.parent / "ground_truth.json").read_text())
    assert [image["file_name"] for image in truth["images"]] == ["000000.jpg", "000001.jpg", "000003.jpg"]


@pytest.mark.parametrize("override", ["num_workers=1", "data.cache=disk", "data.cache=ram"])
def test_one_sentence_also_from_a_worker_and_a_cache(tmp_path: Path, monkeypatch, capsys, override: str) -> None:
    root = _devkit(tmp_path / "devkit")
    _break(root, "truncated JPEG")
    outcome = _train(tmp_path, root, monkeypatch, capsys, override)
    assert outcome.code == 1 and "Traceback" not in outcome.err
    (sentence,) = [line for line in outcome.err.splitlines() if line.startswith("lssd train: ")]
    assert sentence.startswith("lssd train: Expected a whole image in ") and "000002.jpg" in sentence


def test_missing_devkit_and_empty_split(tmp_path: Path, monkeypatch, capsys) -> None:
    outcome = _train(tmp_path, tmp_path / "nowhere", monkeypatch, capsys)
    assert outcome.code == 1 and str(tmp_path / "nowhere") in outcome.err and "data.root" in outcome.err
    root = _devkit(tmp_path / "devkit")
    outcome = _train(tmp_path, root, monkeypatch, capsys, "data.train.2007=empty")
    assert outcome.code == 1 and "empty.txt" in outcome.err


def test_a_run_that_fails_while_it_trains_says_so_in_its_status(tmp_path: Path, monkeypatch, capsys) -> None:
    root = _devkit(tmp_path / "devkit")
    _break(root, "truncated JPEG")
    (root / "VOC2007" / "ImageSets" / "Main" / "train.txt").write_text("000000\n000001")  # the validation meets it
    _train(tmp_path, root, monkeypatch, capsys, "batch_size=2")
    (status,) = (tmp_path / "runs").rglob("status.json")
    assert '"failed"' in status.read_text() and "000002.jpg" in status.read_text()


def test_training_without_a_length_takes_that_of_its_data(tmp_path: Path, monkeypatch, capsys) -> None:
    length = ("trainer.max_epochs=null", "default_epochs.voc=1")
    outcome = _train(tmp_path, _devkit(tmp_path / "devkit"), monkeypatch, capsys, *_QUICK, *length)
    assert outcome.code is None, outcome.err
    assert "length: 1 epoch, the default of data=voc; set trainer.max_epochs or trainer.max_steps" in outcome.out
