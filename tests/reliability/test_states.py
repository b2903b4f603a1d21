"""How a run ended is what its status says, wherever the end met it."""

import json
import os
import signal
from pathlib import Path

import pytest
from tests.run_server import RunServer

from lightweight_ssd.runs.record import read_run

pytestmark = pytest.mark.slow

QUICK = ("experiment=smoke", "logger=csv", "pictures=0", "latency=null", "num_workers=1", "eval_batch_size=1")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("stage", "moment"), [("training", 3), ("validation", 2), ("test", 2), ("test", 9)])
def test_ctrl_c_anywhere_is_an_interruption_with_a_reason(
    server: RunServer, tmp_path: Path, stage: str, moment: int, number: signal.Signals
) -> None:
    process = server.start(tmp_path, "train", *QUICK, "run_dir=run", stage=f"{number.name} in {stage}", moment=moment)
    _, err = process.communicate()
    assert process.returncode == 130 and "To resume: the same command with resume=auto" in err, err
    assert "Traceback" not in err
    run = read_run(tmp_path / "run")
    assert run.state == "interrupted" and run.error is not None
    assert run.error.startswith(f"stopped by {number.name}"), run.error
    if number is signal.SIGINT:
        assert f"{' in the test' if stage == 'test' else ''} at step " in run.error


def test_a_killed_run_is_aborted_at_once(server: RunServer, tmp_path: Path) -> None:
    ended = server.run(tmp_path, "train", *QUICK, "run_dir=run", stage="training", moment=3)
    assert ended.code == -signal.SIGKILL
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "running", "it could not say more"
    run = read_run(tmp_path / "run")
    assert run.state == "aborted" and run.error is not None and "ended without a word" in run.error
    assert str(os.uname().nodename) in run.error
