"""Weights & Biases fails in real ways, and the run goes on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.running import smoke_run
from tests.wandb_file import read_records

from lightweight_ssd.training.loggers.wandb import OptionalWandb
from lightweight_ssd.training.loggers.wandb_run import closed_at_the_end


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_costs_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "wandb").write_text("a file in the folder's place stops even root")
    smoke_run(tmp_path, "logger=csv_wandb", "trainer.max_epochs=1", "pictures=0", "gray_test=false", "latency=null")
    warnings = [record.getMessage() for record in caplog.records if "Weights & Biases" in record.getMessage()]
    assert len(warnings) == 1 and "the run continues without it" in warnings[0]
    assert "map_50" in json.loads((run / "results.json").read_text())["test"]
    assert (run / "metrics.csv").is_file()


@pytest.mark.slow
def test_what_is_sent_arrives(tmp_path: Path) -> None:
    logger = OptionalWandb(save_dir=tmp_path, offline=True)
    with closed_at_the_end():
        logger.log_hyperparams({"width": 8})
        logger.log_metrics({"train/loss": 0.5}, 3)
        logger.attempt(lambda run: run.summary.update({"metrics/map_50": 0.7}))
    assert not logger.lost
    text = str(list(read_records(tmp_path)))
    assert all(word in text for word in ("width", "train/loss", "metrics/map_50"))


def test_an_error_of_one_action_is_the_last_that_is_heard(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logger, done = OptionalWandb(save_dir=tmp_path, offline=True), []
    with closed_at_the_end():
        logger.attempt(lambda run: run.log({"picture": (tmp_path / "missing.png").read_bytes()}))
        logger.attempt(done.append)
        logger.log_metrics({"train/loss": 0.5}, 3)
    assert logger.lost and logger.experiment is None and done == []
    (told,) = [
        record.getMessage() for record in caplog.records if record.name == "lightweight_ssd.training.loggers.wandb"
    ]
    assert "missing.png" in told and "the run continues without it" in told


@pytest.mark.slow
def test_its_helper_process_may_die(tmp_path: Path) -> None:
    """In a process of its own: the helper is one for all W&B runs of a process."""
    code = f"""
import os, signal
from pathlib import Path
from lightweight_ssd.training.loggers.wandb import OptionalWandb
from lightweight_ssd.training.loggers.wandb_run import closed_at_the_end
logger = OptionalWandb(save_dir={str(tmp_path)!r}, offline=True)
with closed_at_the_end():
    logger.log_metrics({{"loss": 1.0}}, 0)
    children = Path(f"/proc/{{os.getpid()}}/task/{{os.getpid()}}/children").read_text().split()
    print(len(children))
    for child in children:
        os.kill(int(child), signal.SIGKILL)
        os.waitpid(int(child), 0)
    for step in range(100):
        logger.log_metrics({{"loss": 1.0}}, step)
    print(logger.lost)
print("went on")
"""
    environment = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300)
    assert ended.stdout.splitlines() == ["1", "True", "went on"], ended.stderr
    assert ended.returncode == 0 and ended.stderr.count("the run continues without it") == 1


@pytest.mark.slow
def test_the_libraries_say_nothing_in_a_run(tmp_path: Path) -> None:
    """In a fresh interpreter, whose streams are those of a user: Weights & Biases says its part by itself."""
    options = ["experiment=smoke", "trainer.max_epochs=1", f"run_dir={tmp_path / 'run'}", f"data.root={tmp_path}"]
    command = [sys.executable, "-m", "lightweight_ssd", "train", *options, "pictures=0", "latency=null"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    said = ended.stdout + ended.stderr
    assert "anonymous" not in said and "wandb:" not in said and "arning" not in said
    assert list(tmp_path.glob("run/wandb/offline-run-*"))
