"""`train` from Python: what `lssd train` does, with a typed result, also for a run that is given no length."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra
from tests.command_line import TINY, run_command

from lightweight_ssd.config.compose import compose
from lightweight_ssd.runs.status import write_status
from lightweight_ssd.system.signals import Interrupted
from lightweight_ssd.training import stages
from lightweight_ssd.training.run import TrainedRun, train

pytestmark = pytest.mark.slow  # a run is trained
QUICK = ("logger=csv", "pictures=0", "gray_test=false", "latency=null", "trainer=cpu", "num_workers=0")
SMALL = (*TINY, "data=shapes_tiny", "augment=basic", "image_size=64", "batch_size=8", "eval_batch_size=7", *QUICK)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A run that is given no length."""
    folder = tmp_path_factory.mktemp("train")
    return train([*SMALL, f"runs={folder / 'runs'}", f"data.root={folder / 'data'}"])


def _again(run: TrainedRun, *overrides: str) -> list[str]:
    folder = run.run_dir.parents[2]
    return [*SMALL, f"runs={folder / 'runs'}", f"data.root={folder / 'data'}", *overrides]


def _written(run: TrainedRun, name: str) -> Any:
    return yaml.safe_load((run.run_dir / name).read_text())


def test_the_folder_is_that_of_a_run_and_the_result_is_typed(run: TrainedRun) -> None:
    assert run.run_dir.parent.name == "adhoc" and run.checkpoint == run.run_dir / "checkpoints" / "best.ckpt"
    assert run.checkpoint.is_file() and _written(run, "status.json")["state"] == "finished"
    metrics = run.results.test
    assert metrics is not None and metrics.map_50 is not None and 0 <= metrics.map_50 <= 1
    assert run.results.choices is not None and run.results.choices["data"] == "shapes_tiny"
    assert _written(run, "overrides.yaml")[: len(SMALL)] == list(SMALL)


def test_without_a_length_it_is_that_of_the_data(run: TrainedRun) -> None:
    assert run.results.training is not None and run.results.training.epochs == 2
    assert _written(run, "config.yaml")["trainer"]["max_epochs"] == 2


def test_the_same_length_typed_is_the_same_run_and_has_nothing_to_do(run: TrainedRun, capsys) -> None:
    assert train(_again(run, "trainer.max_epochs=2", "resume=auto")) == run
    assert "Nothing to do: this run is finished, its metrics are in" in capsys.readouterr().out


def test_a_composed_configuration_is_as_good_as_its_overrides(run: TrainedRun) -> None:
    assert train(compose(_again(run, "resume=auto"))) == run


def test_a_script_keeps_its_own_state(run: TrainedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(os.environ)
    train(_again(run, "resume=auto"))
    assert {name for name in os.environ if name.startswith("LSSD_")} == {n for n in before if n.startswith("LSSD_")}
    assert not GlobalHydra.instance().is_initialized()


def test_the_command_prints_the_default_length(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run_command(monkeypatch, capsys, "train", *SMALL, "default_epochs.shapes_tiny=1")
    assert outcome.code is None, outcome.err
    said = "length: 1 epoch, the default of data=shapes_tiny; set trainer.max_epochs or trainer.max_steps"
    assert outcome.out.splitlines().count(said) == 1 and "AP in %" in outcome.out
    (results,) = tmp_path.rglob("results.json")
    assert json.loads(results.read_text())["training"]["epochs"] == 1


def test_a_stopped_run_is_a_keyboard_interrupt_and_says_how_to_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    def stopped(*arguments: object) -> None:
        write_status(tmp_path / "run", step=3)
        raise Interrupted("stopped by SIGINT at step 3")

    monkeypatch.setattr(stages, "fit", stopped)
    with pytest.raises(KeyboardInterrupt, match="stopped by SIGINT at step 3"):
        train([*SMALL, f"run_dir={tmp_path / 'run'}", f"data.root={tmp_path / 'data'}"])
    assert "same command with resume=auto" in capsys.readouterr().err
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "interrupted"


def test_the_configuration_of_the_caller_stays_as_it_was(run: TrainedRun) -> None:
    cfg = compose(_again(run, "resume=auto"))
    train(cfg)
    assert cfg.run_dir is None and cfg.experiment_name is None and cfg.trainer.max_epochs is None


def test_a_text_is_no_list_of_overrides() -> None:
    with pytest.raises(ValueError, match="list of overrides"):
        train("experiment=smoke")


def test_a_file_to_resume_from_must_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not a checkpoint file"):
        train([*SMALL, f"runs={tmp_path}", f"resume={tmp_path / 'missing.ckpt'}"])
