"""Ranks that torchrun starts share one run folder, and leave nothing running when one of them is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import port_of_our_own
from tests.left_overs import alive_in, assert_nothing_lives_on

pytestmark = pytest.mark.slow

SMOKE = (
    "experiment=smoke", "logger=csv", "trainer=ddp", "trainer.accelerator=cpu", "trainer.sync_batchnorm=false",
    "num_workers=0", "pictures=0", "gray_test=false", "latency=null", "coco_metric=false", "run_dir=run",
)  # fmt: skip


def _start(cwd: Path, *arguments: str) -> "subprocess.Popen[str]":
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", f"--master_port={port_of_our_own()}"]
    return subprocess.Popen(
        [*launch, "-m", "lightweight_ssd", "train", *SMOKE, *arguments], cwd=cwd, text=True, start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip


def _end(process: "subprocess.Popen[str]") -> tuple[int, str, list[str]]:
    """Exit code, output, and what the command itself said of an error; torchrun adds a traceback of its own."""
    out, err = process.communicate(timeout=900)
    return process.returncode, out, [line for line in err.splitlines() if line.startswith("lssd train: ")]


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def test_two_launches_in_one_folder(tmp_path: Path) -> None:
    code, out, said = _end(_start(tmp_path))
    assert (code, said) == (0, []) and out.count("run folder: ") == 1
    results = (tmp_path / "run" / "results.json").read_bytes()
    assert json.loads(results)["training"]["world_size"] == 2
    code, _, said = _end(_start(tmp_path))
    assert code == 1 and len(said) == 1 and "but the run there is finished: give resume=auto" in said[0]
    code, out, said = _end(_start(tmp_path, "resume=auto"))
    assert (code, said) == (0, []) and out.count("Nothing to do: this run is finished") == 1
    assert (tmp_path / "run" / "results.json").read_bytes() == results
    assert_nothing_lives_on(tmp_path)


def test_a_rank_that_is_killed_ends_the_others_in_one_sentence(tmp_path: Path) -> None:
    process, status = _start(tmp_path, "trainer.max_epochs=4000"), tmp_path / "run" / "status.json"
    while not (tmp_path / "run" / "checkpoints" / "last.ckpt").is_file():
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    first = _read(status)["pid"]
    (other,) = (pid for pid, command in alive_in(tmp_path).items() if pid not in (first, process.pid) and command)
    os.kill(other, signal.SIGKILL)
    code, _, said = _end(process)
    assert_nothing_lives_on(tmp_path)
    assert code == 1 and len(said) <= 1
    if said:  # else torchrun was quicker than the broken connection, and asked the first rank to stop
        assert "lost the connection to another one, which has ended or was killed" in said[0]
    assert _read(status)["state"] == ("failed" if said else "interrupted")
