"""`experiment=tune`: Optuna chooses the jobs, and its study outlives the sweep."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.run_server import RunServer

pytestmark = pytest.mark.slow

# The least that trains: the command of the experiment's card with a smaller everything.
COMMAND = ("experiment=tune", "scale=smoke")
SMALL = (
    "trainer.max_epochs=1", "trainer.check_val_every_n_epoch=1", "pictures=0", "gray_test=false", "latency=null",
    "image_size=64", "data.train_images=8", "data.val_images=4", "data.test_images=4", "backbone.last_channels=32",
)  # fmt: skip


def _tune(server: RunServer, cwd: Path, *arguments: str, code: int = 0) -> tuple[str, str]:
    done = server.run(cwd, "train", "-m", *COMMAND, *SMALL, *arguments)
    assert done.code == code, done.out + done.err
    return done.out, done.err


def _query(cwd: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(cwd / "runs" / "tune.db") as database:
        return database.execute(query).fetchall()


def _best(cwd: Path) -> dict[str, Any]:
    newest = max((cwd / "runs" / "sweeps").iterdir())
    return yaml.safe_load((newest / "optimization_results.yaml").read_text())


@pytest.fixture(scope="module")
def study(server: RunServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two trials."""
    folder = tmp_path_factory.mktemp("tune")
    _tune(server, folder, "hydra.sweeper.n_trials=2", "hydra.sweeper.sampler.seed=0")
    return folder


def test_trials_are_runs_and_the_best_one_is_named(study: Path) -> None:
    assert len(list((study / "runs" / "tune").glob("*/results.json"))) == 2
    values = [value for (value,) in _query(study, "SELECT value FROM trial_values ORDER BY trial_id")][:2]
    assert len(values) == 2 and all(0 <= value <= 1 for value in values)
    best = _best(study)
    assert best["best_value"] == max(values)
    assert set(best["best_params"]) == {"optim.lr", "criterion.weights.localization", "augment.steps.gray_mix_rgb.p"}


def test_same_command_goes_on_with_the_study_and_failed_trials_do_not_end_it(server: RunServer, study: Path) -> None:
    best = _best(study)
    other = "hydra.sweeper.sampler.seed=1"  # the same seed would draw trials that are done
    out, _ = _tune(server, study, "hydra.sweeper.n_trials=2", other, "trainer.accelerator=nonsense", code=1)
    assert "2 failed" in out and out.count("outcome") == 1
    states = [state for (state,) in _query(study, "SELECT state FROM trials ORDER BY trial_id")]
    assert states == ["COMPLETE", "COMPLETE", "FAIL", "FAIL"]
    assert _best(study) == best


def test_study_without_any_finished_trial_says_why_and_no_more(server: RunServer, tmp_path: Path) -> None:
    out, err = _tune(server, tmp_path, "hydra.sweeper.n_trials=1", "trainer.accelerator=nonsense", code=1)
    assert "1 failed" in out and "nonsense" in out
    assert "Traceback" not in err and "Record does not exist" not in err


def test_missing_package_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "hydra_plugins").mkdir()
    (tmp_path / "hydra_plugins" / "__init__.py").touch()
    hidden = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    command = [sys.executable, "-m", "lightweight_ssd", "train", "-m", *COMMAND, *SMALL, "hydra.sweeper.n_trials=1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": hidden}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr == (
        "lssd train: hydra/sweeper=optuna needs a package that is not installed; "
        "run pip install 'lightweight-ssd[optuna]'.\n"
    )
