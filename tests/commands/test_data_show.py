import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.broken_data import VOC_CASES, coco, jpeg, voc
from tests.command_line import Outcome, run_command
from tests.small_disk import run_on_small_disk

pytestmark = pytest.mark.slow

UNION = ("data.train.2007=train", "data.train.2012=null", "data.val.2007=val", "data.test.2007=test")


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    voc(tmp_path / "devkit")

    def run(*arguments: str) -> Outcome:
        source = ("data=voc", "data.root=devkit", "data.class_names=[cat, dog]", "data.cache_dir=cache", *UNION)
        return run_command(monkeypatch, capsys, "data", "show", *source, "image_size=64", *arguments)

    return run


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_a_sheet_is_written_and_repeats_with_its_seed(show):
    ended = show()
    assert ended.code is None
    assert ended.out.endswith("3 images, left as on disk, right as training sees them: contact_sheet.png\n")
    assert "counts, sizes and anchors: data_statistics.png" in ended.out and pixels("data_statistics.png").size
    assert re.search(r"^class +boxes +images +median px", ended.out, re.MULTILINE)
    assert re.search(r"^anchors: 27 shapes on 5 levels, .* have no anchor with an IoU of 0.5", ended.out, re.MULTILINE)
    assert show("output=made/again.png").code is None
    assert np.array_equal(pixels("contact_sheet.png"), pixels("made/again.png"))
    assert show("output=made/other.png", "seed=1").code is None
    assert not np.array_equal(pixels("contact_sheet.png"), pixels("made/other.png"))


def test_it_says_whose_anchors_they_are_and_takes_those_of_an_experiment(show):
    usual, other = (show("images=1", *more).out for more in ((), ("experiment=finetune",)))
    assert "\nthese are the anchors of backbone=mblitenet neck=cfpn detector=ssd image_size=64\n" in usual
    assert "\nthese are the anchors of backbone=efficientnet_lite0 neck=fpn detector=ssd image_size=64\n" in other
    shapes = [re.findall(r"^anchors: \d+ shapes on \d+ levels", said, re.MULTILINE) for said in (usual, other)]
    assert [len(found) for found in shapes] == [1, 1] and shapes[0] != shapes[1]


def test_fewer_images_another_split_and_mosaic(show):
    ended = show(
        "images=1",
        "split=val",
        "chart=null",
        "neck=none",
        "augment=mosaic",
        "augment.steps.mosaic.p=1.0",
        "output=one.png",
    )
    assert ended.code is None and "\n1 image, " in ended.out and not Path("data_statistics.png").exists()
    sheet = pixels("one.png")
    assert sheet.shape[1] < 1000  # one pair, not four in a row
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 1000


def test_coco_and_the_built_in_data(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    coco(tmp_path / "set")
    parts = [f"data.{split}.annotations={split}.json" for split in ("train", "val", "test")]
    parts += [f"data.{split}.images=images" for split in ("train", "val", "test")]
    source = ("coco", "data.root=set", f"data.cache_dir={tmp_path / 'cache'}", *parts)
    assert run_command(monkeypatch, capsys, "data", "show", *source, "image_size=64").code is None
    drawn = ("shapes", "data.train_images=2", "data.val_images=1", "data.test_images=1", "data.image_size=64")
    assert run_command(monkeypatch, capsys, "data", "show", *drawn, "image_size=64").code is None


def test_a_full_disk_is_one_sentence(tmp_path: Path):
    (disk := tmp_path / "disk").mkdir()
    drawn = ["data=shapes", "data.train_images=2", "data.val_images=1", "data.test_images=1", "data.image_size=64"]
    arguments = ["lssd", "data", "show", *drawn, f"data.root={tmp_path}", "image_size=64", f"output={disk / 'a.png'}"]
    code = f"import sys; from lightweight_ssd.cli import main; sys.argv = {arguments!r}; main()"
    ended = run_on_small_disk(disk, "16k", code)
    assert ended.returncode == 1
    assert f"lssd data show: Expected to write {disk / 'a.png'}" in ended.stderr
    assert "No space left on device" in ended.stderr and "make room" in ended.stderr


def test_an_image_that_cannot_be_read_is_named_or_skipped(show):
    Path("devkit/VOC2007/JPEGImages/b.jpg").write_bytes(jpeg(1)[:500])
    ended = show()
    assert ended.code == 1 and "b.jpg" in ended.err and "Traceback" not in ended.err
    assert not Path("contact_sheet.png").exists()
    assert show("data.on_bad=skip").code is None
    VOC_CASES["class"][1](Path("devkit"))
    assert "catt" in show().err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("split=all", "Expected split to be one of test, train, val, but got 'all'."),
        ("images=0", "Expected images to be a whole number of at least 1 and at most 400, but got 0."),
        ("seed=one", "Expected seed to be a whole number of at least 0 and at most"),
        ("output=sheet.jpg", "Expected a PNG file for output=… but got sheet.jpg; give output=contact_sheet.png."),
        ("chart=chart.jpg", "Expected a PNG file for chart=… but got chart.jpg; give chart=data_statistics.png."),
        ("neck=fnp", "There is no option 'fnp' of neck"),
        ("output=file/sheet.png", "Expected a folder to write in for output=… but got file"),
        ("data.root=nowhere", "Expected a VOC devkit at"),
    ],
)
def test_bad_setting_gets_one_sentence(option: str, message: str, show):
    Path("file").touch()
    ended = show(option)
    assert ended.code == 1
    assert message in ended.err and "Traceback" not in ended.err
