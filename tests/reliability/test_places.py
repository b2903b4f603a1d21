"""Where nothing can be written `lssd train` says so in one sentence, before or while it trains, and loses nothing."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from tests.run_server import RunServer
from tests.small_disk import run_on_small_disk

pytestmark = pytest.mark.slow

QUICK = (
    "experiment=smoke", "logger=csv", "pictures=2", "gray_test=false", "latency=null", "deterministic=true",
    "resume=auto",
)  # fmt: skip
TRAIN = [sys.executable, "-m", "lightweight_ssd", "train", *QUICK]


@pytest.fixture(scope="module")
def whole(server: RunServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    assert server.run(folder, "train", *QUICK).code == 0
    return folder


@pytest.mark.parametrize("many", [(), ("-m",)], ids=["run", "sweep"])
def test_a_file_in_place_of_the_folder(server: RunServer, tmp_path: Path, many: tuple[str, ...]) -> None:
    (tmp_path / "runs").write_text("mine")
    ended = server.run(tmp_path, "train", *many, *QUICK)
    assert ended.code == 1 and "Expected a folder to write in for runs=… but got " in _sentence(ended.err)
    assert (tmp_path / "runs").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "arguments", "said"),
    [
        ("1m,ro", "runs={disk}", "for runs=… but got {disk}/smoke (Read-only file system)"),
        ("1m,ro", "run_dir={disk}/run", "for run_dir=… but got {disk} (Read-only file system)"),
        ("1m,nr_inodes=2", "runs={disk}", "for runs=… but got {disk}/smoke (No space left on device)"),
    ],
)
def test_a_disk_that_takes_nothing(whole: Path, tmp_path: Path, options: str, arguments: str, said: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [*TRAIN, arguments.format(disk=disk), f"data.root={whole / 'data'}"]
    answer = run_on_small_disk(
        disk, options, f"import subprocess, sys; sys.exit(subprocess.run({command!r}).returncode)"
    )
    assert answer.returncode == 1, answer.stderr
    assert said.format(disk=disk) in _sentence(answer.stderr)


@pytest.mark.parametrize("room", ["16k", "60k", "1600k"])
def test_a_disk_that_runs_full_at_any_time(server: RunServer, whole: Path, tmp_path: Path, room: str) -> None:
    """Room for the first files alone, for those and no checkpoint, for all but the last pictures."""
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    command = [*TRAIN, f"runs={disk}", f"data.root={whole / 'data'}"]
    code = f"""
import shutil, subprocess, sys
code = subprocess.run({command!r}).returncode
shutil.copytree({str(disk)!r}, {str(kept / "runs")!r})
sys.exit(code)
"""
    answer = run_on_small_disk(disk, room, code)
    assert answer.returncode == 1, answer.stderr
    sentence = _sentence(answer.stderr)
    assert "No space left on device" in sentence and "make room" in sentence, sentence
    shutil.copytree(whole / "data", kept / "data")
    ended = server.run(kept, "train", *QUICK)
    assert ended.code == 0, ended.err
    results = [json.loads(path.read_text()) for cwd in (whole, kept) for path in cwd.glob("runs/smoke/*/results.json")]
    assert len(results) == 2 and results[0]["test"] == results[1]["test"]


def _sentence(err: str) -> str:
    assert "Traceback" not in err
    (sentence,) = [line for line in err.splitlines() if line.startswith("lssd train: ")]
    return sentence
