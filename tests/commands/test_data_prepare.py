import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf
from tests.archive_server import ArchiveServer
from tests.command_line import ending, run_command
from tests.small_archives import coco_archives, config_values, voc_archives
from tests.small_disk import run_on_small_disk

from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.paths import CONF_DIR

PARTS = {"voc": ["trainval2007", "test2007", "trainval2012"], "coco": ["annotations", "val2017", "train2017"]}


@pytest.fixture
def voc(tmp_path: Path) -> Iterator[ArchiveServer]:
    with ArchiveServer(voc_archives(tmp_path / "source")) as running:
        yield running


@pytest.fixture
def coco() -> Iterator[ArchiveServer]:
    with ArchiveServer(coco_archives()) as running:
        yield running


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _config(command: str, *overrides: str) -> dict[str, Any]:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return OmegaConf.to_container(compose(command, list(overrides)), resolve=True)  # pyright: ignore[reportReturnType]


def _values(server: ArchiveServer) -> list[str]:
    return config_values(server.url(""), server.files)


def test_a_public_data_set_is_one_command(voc: ArchiveServer, tmp_path: Path, monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "data", "prepare", "voc", "root=VOC kit", *_values(voc))
    assert ended.code is None, ended.err
    lines = ended.out.splitlines()
    assert lines[0].startswith("PASCAL VOC → VOC kit   (terms of use: http")
    assert lines[2] == "trainval2007: 7 files in place (checked: size, md5, sha256)"
    assert lines[-1] == """Train on it:  lssd train data=voc 'data.root="VOC kit"'"""
    assert sorted(path.name for path in (tmp_path / "VOC kit").iterdir()) == [".prepare", "VOC2007", "VOC2012"]

    again = run_command(monkeypatch, capsys, "data", "prepare", "voc", "root=VOC kit", *_values(voc))
    assert "Everything is in place already; nothing was done." in again.out
    assert again.out.splitlines()[-1] == lines[-1]
    assert len(voc.requests) == 3


def test_the_folder_is_where_training_looks(coco: ArchiveServer, tmp_path: Path, monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "data", "prepare", "coco", *_values(coco))
    assert ended.code is None, ended.err
    assert ended.out.splitlines()[-1] == "Train on it:  lssd train data=coco data.root=data/coco"
    assert (tmp_path / "data/coco/annotations/instances_train2017.json").is_file()
    assert (tmp_path / "data/coco/train2017/000000000001.jpg").is_file()
    assert (tmp_path / "data/coco/val2017/000000000002.jpg").is_file()


@pytest.mark.parametrize("name", PARTS)
def test_both_configurations_mean_one_folder(name: str):
    prepared = _config("data_prepare", f"download={name}")["download"]
    assert prepared["root"] == _config("train", f"data={name}")["data"]["root"]
    assert list(prepared["archives"]) == PARTS[name]


USES = [
    (name, use) for name in PARTS for use in yaml.safe_load((CONF_DIR / f"download/{name}.yaml").read_text())["uses"]
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "use"), USES)
def test_every_use_finds_all_that_it_needs(name: str, use: str, tmp_path: Path, monkeypatch, capsys):
    served = voc_archives(tmp_path / "source") if name == "voc" else coco_archives()
    with ArchiveServer(served) as server:
        parts = _config("data_prepare", f"download={name}")["download"]["uses"][use]
        arguments = [name, "root=root", f"parts=[{','.join(parts)}]", *_values(server)]
        ended = run_command(monkeypatch, capsys, "data", "prepare", *arguments)
    assert ended.out.splitlines()[-1] == f"Train on it:  lssd train {use} data.root=root"
    names = ["data.class_names=[dog]"] if name == "voc" else []
    overrides = [*use.split(), "data.root=root", f"data.cache_dir={tmp_path / 'cache'}", *names]
    data = build(_config("train", *overrides)["data"])
    assert [len(data.annotations(split)) > 0 for split in ("train", "val", "test")] == [True] * 3


def test_too_few_parts_name_the_rest(voc: ArchiveServer, monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "data", "prepare", "voc", "root=root", "parts=[test2007]", *_values(voc))
    assert ended.out.splitlines()[-1] == "To train on it, more of it is needed: trainval2007, trainval2012."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Expected what to prepare but got nothing: lssd data prepare voc, or coco."),
        (["voc", "parts=[2007]"], "Expected parts=… as some of trainval2007, test2007, trainval2012 but got 2007."),
        (["voc", "attempts=0"], "Expected attempts to be a whole number of at least 1, but got 0."),
        (["voc", "timeout=soon"], "Expected timeout to be seconds above 0, but got 'soon'."),
        (["voc", "root=file/here"], "Expected a folder that can be written at file/here/.prepare but Not a directory"),
    ],
)
def test_bad_setting_gets_one_sentence(arguments: list[str], message: str, tmp_path: Path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    ended = run_command(monkeypatch, capsys, "data", "prepare", *arguments)
    assert ended.code == 1
    assert message in ended.err


def test_an_unknown_data_set_names_the_known_ones(monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "data", "prepare", "imagenet")
    assert ended.code == 1
    assert "coco" in ended.err and "voc" in ended.err


def test_only_what_is_known_is_checked_and_that_is_said(voc: ArchiveServer, monkeypatch, capsys):
    nothing = [f"download.archives.test2007.{key}=null" for key in ("size", "md5", "sha256", "unpacked")]
    arguments = ["voc", "root=root", "parts=test2007", *_values(voc), *nothing]
    ended = run_command(monkeypatch, capsys, "data", "prepare", *arguments)
    assert ended.code is None, ended.err
    assert "test2007: an unknown size from http" in ended.out
    assert "(checked: nothing, since nothing is known of it)" in ended.out


def test_a_wrong_hash_stops_with_one_sentence(voc: ArchiveServer, tmp_path: Path, monkeypatch, capsys):
    arguments = ["voc", "root=root", *_values(voc), "download.archives.test2007.md5='0000'"]
    ended = run_command(monkeypatch, capsys, "data", "prepare", *arguments)
    assert ended.code == 1
    assert ended.err.startswith("lssd data prepare: Expected the md5 0000 of ")
    lists = sorted(path.name for path in (tmp_path / "root/VOC2007/ImageSets/Main").iterdir())
    assert lists == ["train.txt", "trainval.txt", "val.txt"]  # the first part is whole, of the second is nothing


@pytest.mark.slow
def test_a_full_disk_leaves_nothing_to_be_seen(voc: ArchiveServer, tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    size = len(voc.files["/VOCtrainval_06-Nov-2007.tar"])  # room for it, and not for all of its files beside it
    unknown = [f"download.archives.trainval2007.{key}=null" for key in ("size", "unpacked")]
    arguments = ["lssd", "data", "prepare", "voc", f"root={disk}", "parts=trainval2007", *_values(voc), *unknown]
    code = f"""
import sys
from pathlib import Path
from lightweight_ssd.cli import main
sys.argv = {arguments!r}
try:
    main()
except SystemExit as end:
    print("ended with", end.code)
print(*[path.name for path in Path({str(disk)!r}).iterdir()])
print(*sorted(path.name for path in Path({str(disk)!r}).rglob("*") if path.is_file()))
"""
    ended = run_on_small_disk(disk, str(size + 30_000), code)
    assert "but the disk is full (No space left on device): make room and call the same command again." in ended.stderr
    assert ended.stdout.splitlines()[-3:] == ["ended with 1", ".prepare", "VOCtrainval_06-Nov-2007.tar prepare"]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_was_stopped_in_the_middle_goes_on(how: signal.Signals, voc: ArchiveServer, tmp_path: Path):
    voc.files["/VOCtest_06-Nov-2007.tar"] += bytes(1_000_000)  # padding, so that there is a middle
    command = [sys.executable, "-m", "lightweight_ssd", "data", "prepare", "voc", "parts=test2007", "root=root"]
    command += _values(voc)
    part, voc.held = tmp_path / "root/.prepare/archives/VOCtest_06-Nov-2007.tar.part", 700_000
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as process, ending(process):
        while process.poll() is None and not (part.exists() and part.stat().st_size > 100_000):
            time.sleep(0.01)
        os.kill(process.pid, how)
        _, told = process.communicate(timeout=300)
        voc.go_on.set()
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert told.endswith("lssd data prepare: interrupted.\n") == (how == signal.SIGINT)
    assert [path.name for path in (tmp_path / "root").iterdir()] == [".prepare"]
    had = part.stat().st_size
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    assert voc.requests == [("/VOCtest_06-Nov-2007.tar", None), ("/VOCtest_06-Nov-2007.tar", f"bytes={had}-")]
    assert (tmp_path / "root/VOC2007/JPEGImages/000003.jpg").is_file()
    assert not part.exists()
