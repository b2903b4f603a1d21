"""What a run loses when its process is killed or its disk is full: nothing but the time since the last checkpoint."""

import json
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
import torch

from lightweight_ssd.checkpoint.load import load_checkpoint
from tests.kill_points import HALF_A_CHECKPOINT
from tests.run_server import RunServer
from tests.running import metrics_of
from tests.small_disk import run_on_small_disk

pytestmark = pytest.mark.slow

KILLS = 20
KILLS_IN_A_ROW = 7  # of one run, each time it is resumed
INSIDE = ("opening", "writing", "renaming")  # of a checkpoint
OPTIONS = (
    "experiment=smoke", "logger=csv", "deterministic=true", "resume=auto", "callbacks.ema.decay=0.9",
    "augment=gray_mix_rgb_mosaic", "pictures=0", "gray_test=false", "latency=null",
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(server: RunServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    started = time.monotonic()
    assert _run(server, folder, "never", 0) == 0, _log(folder)
    (folder / "seconds").write_text(str(time.monotonic() - started))
    return folder


def test_a_killed_run_resumes_and_ends_like_one_that_was_not(server: RunServer, whole: Path, tmp_path: Path) -> None:
    """Half of the kills are inside a checkpoint, half by the clock; one draw for all time says at what moments."""
    chance, kills, seconds = random.Random(0), 0, float((whole / "seconds").read_text())
    while kills < KILLS:
        folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        shutil.copytree(whole / "data", folder / "data")
        for again in range(KILLS_IN_A_ROW + 1):
            stage = INSIDE[kills % 3] if kills < KILLS // 2 else "clock"
            stage = "never" if again == KILLS_IN_A_ROW or kills == KILLS else stage
            moment = chance.uniform(0, 0.6 * seconds) if stage == "clock" else chance.randint(1, 2)
            code = _run(server, folder, stage, moment)
            if code == 0:  # where less was left to do than the moment asks for
                seconds = min(seconds, moment) if stage == "clock" else seconds  # the machine is faster than it was
                break
            assert code == {"never": 0, "writing": -signal.SIGXFSZ}.get(stage, -signal.SIGKILL), _log(folder)
            kills += 1
            _assert_left(folder / "run" / "checkpoints", stage)
        _assert_same(whole / "run", folder / "run")


def test_a_full_disk_stops_with_one_sentence_and_the_checkpoint_before_is_whole(
    server: RunServer, whole: Path, tmp_path: Path
) -> None:
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    size = (whole / "run" / "checkpoints" / "last.ckpt").stat().st_size
    overrides = [*OPTIONS, f"run_dir={disk / 'run'}", f"data.root={whole / 'data'}"]
    command = [sys.executable, "-m", "lightweight_ssd", "train", *overrides]
    code = f"""
import shutil, subprocess, sys
code = subprocess.run({command!r}).returncode
shutil.copytree({str(disk)!r}, {str(kept)!r})
sys.exit(code)
"""
    answer = run_on_small_disk(disk, f"{size * 3 // 2 // 1024}k", code)  # room for one checkpoint, not for two
    assert answer.returncode == 1, answer.stderr
    (sentence,) = [line for line in answer.stderr.splitlines() if line.startswith("lssd train: ")]
    assert "No space left on device" in sentence and "resume=auto" in sentence and "Traceback" not in answer.stderr
    status = json.loads((kept / "run" / "status.json").read_text())
    assert status["state"] == "failed" and "No space left on device" in status["error"]
    assert [path.name for path in (kept / "run" / "checkpoints").iterdir()] == ["last.ckpt"]
    assert load_checkpoint(kept / "run" / "checkpoints" / "last.ckpt")["global_step"] == 5

    shutil.copytree(whole / "data", kept / "data")
    assert _run(server, kept, "never", 0) == 0, _log(kept)
    _assert_same(whole / "run", kept / "run")


def _run(server: RunServer, folder: Path, stage: str, moment: float) -> int:
    overrides = [*OPTIONS, f"run_dir={folder / 'run'}", f"data.root={folder / 'data'}"]
    ended = server.run(folder, "train", *overrides, stage=stage, moment=moment)
    with (folder / "log").open("a") as log:
        log.write(ended.out + ended.err)
    return ended.code


def _log(folder: Path) -> str:
    return (folder / "log").read_text()


def _assert_left(checkpoints: Path, stage: str) -> None:
    """Every checkpoint is whole, and a kill inside one has left it as long as the stage says."""
    for path in checkpoints.glob("*.ckpt"):
        assert load_checkpoint(path)["global_step"] in range(1, 13)
    parts = [path.stat().st_size for path in checkpoints.glob("*.part")]
    if stage in ("opening", "writing"):
        assert parts == ([] if stage == "opening" else [HALF_A_CHECKPOINT])
    elif stage == "renaming":
        (size,) = parts or [path.stat().st_size for path in checkpoints.glob("*.waiting")]
        assert size > 2 * HALF_A_CHECKPOINT


def _assert_same(whole: Path, resumed: Path) -> None:
    assert sorted(path.name for path in (resumed / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]
    for name in ("best.ckpt", "last.ckpt"):
        first, second = (load_checkpoint(run / "checkpoints" / name) for run in (whole, resumed))
        for key in ("state_dict", "ema_state_dict"):
            assert first[key].keys() == second[key].keys()
            assert all(torch.equal(first[key][part], second[key][part]) for part in first[key])
        assert first["lr_schedulers"] == second["lr_schedulers"] and first["global_step"] == second["global_step"]
    for name in ("metrics.csv", "detections.json"):
        assert (whole / name).read_bytes() == (resumed / name).read_bytes(), name
    assert metrics_of(whole) == metrics_of(resumed)
    assert json.loads((resumed / "status.json").read_text())["state"] == "finished"
