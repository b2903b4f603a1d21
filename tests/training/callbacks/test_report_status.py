"""What stands in `status.json` when training ends, however short it was."""

import json
from pathlib import Path

import pytest
from tests.command_line import run_command


@pytest.mark.slow
def test_a_training_shorter_than_five_seconds_and_than_an_epoch_tells_its_steps(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    run_dir = tmp_path / "run"
    options = [f"run_dir={run_dir}", f"data.root={tmp_path / 'data'}", "logger=csv", "trainer.max_steps=2"]
    outcome = run_command(monkeypatch, capsys, "train", "experiment=smoke", *options)
    assert outcome.code is None, outcome.err
    status, results = (json.loads((run_dir / name).read_text()) for name in ("status.json", "results.json"))
    assert (status["state"], status["step"], status["total_steps"]) == ("finished", 2, 2)
    assert status["epoch"] == results["training"]["epochs"]

    said = "No validation took place within 2 steps, so no best checkpoint was chosen; last.ckpt is tested."
    assert outcome.out.count(said) == 1
    assert "could not find the monitored key" not in outcome.out + outcome.err
