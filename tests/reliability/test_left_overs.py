"""SIGKILL with large batches: nothing of the run lives on, and the same command goes on to the same metrics.

With 126 images a batch is larger than what a pipe takes. A loader process whose parent has died then waits in the
middle of a write for ever, unless it ends with its parent.
"""

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from tests.command_line import TINY
from tests.left_overs import alive_in, assert_nothing_lives_on
from tests.run_server import RunServer

from lightweight_ssd.checkpoint.load import load_checkpoint

pytestmark = pytest.mark.slow

BATCH = 126
EPOCHS = 4
OPTIONS = (
    *TINY, "data=shapes_tiny", f"data.train_images={2 * BATCH}", f"data.val_images={BATCH}", "data.test_images=20",
    "data.image_size=48", "image_size=32", f"batch_size={BATCH}", f"eval_batch_size={BATCH}", "num_workers=2",
    "trainer=cpu", f"trainer.max_epochs={EPOCHS}", "augment=basic", "logger=csv", "deterministic=true", "pictures=0",
    "gray_test=false", "latency=null", "coco_metric=null", "callbacks.ema.decay=0.9", "resume=auto",
)  # fmt: skip


class Kill(NamedTuple):
    """When a command is killed, as `tests.run_server` takes it; `sweep` kills a sweep and its run together."""

    stage: str
    moment: float


# Each list is one run that is killed so often and then goes on to its end: 20 kills in all
_CHANCE = random.Random(0)
KILLS = [
    [Kill("training", 1), Kill("training", 4), Kill("validation", 1), Kill("test", 1)],
    [Kill("opening", 2), Kill("writing", 1), Kill("renaming", 1), Kill("renaming", 2), Kill("validation", 1)],
    [Kill("training", 3), Kill("writing", 2), Kill("test", 1), Kill("test", 1)],
    [Kill("clock", _CHANCE.uniform(1, 6)) for _ in range(3)],
    [Kill("sweep", 3), Kill("sweep", 1), Kill("sweep", 3), Kill("training", 1)],
]


@pytest.fixture(scope="module")
def whole(server: RunServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody disturbed; the others share its data."""
    folder = tmp_path_factory.mktemp("whole")
    ended = server.run(folder, "train", *OPTIONS)
    assert ended.code == 0, ended.err
    return folder


def test_there_are_twenty_kills() -> None:
    assert sum(map(len, KILLS)) == 20


@pytest.mark.parametrize("kills", KILLS, ids=lambda kills: "-".join(dict.fromkeys(kill.stage for kill in kills)))
def test_nothing_lives_on_and_nothing_is_lost(
    server: RunServer, whole: Path, tmp_path: Path, kills: list[Kill]
) -> None:
    shutil.copytree(whole / "data", tmp_path / "data")
    for kill in kills:
        if kill.stage == "sweep":
            _kill_a_sweep(server, tmp_path, int(kill.moment))
        elif _run(server, tmp_path, *kill) == 0:
            break  # by the clock, on a fast machine
        assert_nothing_lives_on(tmp_path)
        assert _state(tmp_path) in ("aborted", None), "the page says at once that it is dead"
    ended = server.run(tmp_path, "train", *OPTIONS)
    assert ended.code == 0, ended.err
    assert "in use by" not in ended.err and "being trained by" not in ended.out
    _assert_same(_run_dir(whole), _run_dir(tmp_path))
    assert not alive_in(tmp_path)


def _run(server: RunServer, folder: Path, stage: str, moment: float) -> int:
    ended = server.run(folder, "train", *OPTIONS, stage=stage, moment=moment)
    assert ended.code in (0, -signal.SIGKILL, -signal.SIGXFSZ), ended.err
    return ended.code


def _kill_a_sweep(server: RunServer, folder: Path, steps: int) -> None:
    """Kills the sweep and its run at once, so that neither can tell the other; after so many steps of this part."""
    before = (_status(folder) or {}).get("updated")
    sweep = server.start(folder, "train", "-m", *(each for each in OPTIONS if each != "resume=auto"))
    first, end = None, time.monotonic() + 300
    while True:
        assert sweep.poll() is None and time.monotonic() < end, sweep.communicate()
        status = _status(folder) or {}
        if status.get("state") == "running" and status.get("updated") != before:
            first = status["step"] if first is None else first
            if status["step"] >= first + steps:
                break
        time.sleep(0.005)
    for pid in (status["pid"], sweep.pid):
        os.kill(pid, signal.SIGKILL)
    sweep.communicate()
    assert sweep.returncode == -signal.SIGKILL


def _run_dir(folder: Path) -> Path:
    return max((folder / "runs" / "adhoc").iterdir(), key=lambda run: run.stat().st_mtime)


def _status(folder: Path) -> dict[str, Any] | None:
    found = list((folder / "runs" / "adhoc").glob("*/status.json"))
    return json.loads(found[0].read_text()) if found else None


def _state(folder: Path) -> str | None:
    from lightweight_ssd.runs.status import read_status

    runs = list((folder / "runs" / "adhoc").glob("*"))
    return read_status(_run_dir(folder))["state"] if runs else None


def _assert_same(whole: Path, resumed: Path) -> None:
    for name in ("best.ckpt", "last.ckpt"):
        first, second = (load_checkpoint(run / "checkpoints" / name) for run in (whole, resumed))
        for key in ("state_dict", "ema_state_dict"):
            assert all(torch.equal(first[key][part], second[key][part]) for part in first[key])
        assert first["global_step"] == second["global_step"]
    for name in ("metrics.csv", "detections.json"):
        assert (whole / name).read_bytes() == (resumed / name).read_bytes(), name
    results = [json.loads((run / "results.json").read_text()) for run in (whole, resumed)]
    assert results[0]["test"] == results[1]["test"]
    assert json.loads((resumed / "status.json").read_text())["state"] == "finished"
