"""How far validation and test are, in a log file; a bar says it in a terminal."""

import re
from functools import partial
from pathlib import Path

import pytest
from tests.command_line import run_command
from tests.running import smoke_config

from lightweight_ssd.config.settings import resolved
from lightweight_ssd.training import stages
from lightweight_ssd.training.callbacks import evaluation_lines
from lightweight_ssd.training.callbacks.evaluation_lines import EvaluationLines
from lightweight_ssd.training.stages import prepare


@pytest.mark.slow
def test_a_line_of_each_pass_says_how_many_images_are_done(tmp_path: Path, monkeypatch, capsys) -> None:
    for module in (stages, evaluation_lines):
        monkeypatch.setattr(module, "EvaluationLines", partial(EvaluationLines, 0.0))
    options = [f"run_dir={tmp_path / 'run'}", f"data.root={tmp_path / 'data'}", "logger=csv", "trainer.max_epochs=1"]
    quick = ["pictures=0", "latency=null", "coco_metric=null"]
    outcome = run_command(monkeypatch, capsys, "train", "experiment=smoke", *options, *quick)
    assert outcome.code is None, outcome.err
    lines = [re.sub(r", \d+ s$", "", line) for line in outcome.err.splitlines() if " images, " in line]
    assert lines == [
        f"{what}: {done} of 7 images" for what in ("validation", "test", "test in grayscale") for done in (4, 7)
    ]
    checkpoint = f"checkpoint={tmp_path / 'run' / 'checkpoints' / 'best.ckpt'}"
    quick = [f"output={tmp_path / 'out'}", "num_workers=0", "pictures=0", "eval_batch_size=4"]
    outcome = run_command(monkeypatch, capsys, "evaluate", checkpoint, *quick)
    assert outcome.code is None, outcome.err
    assert "test: 4 of 7 images, " in outcome.err and "Testing" not in outcome.out + outcome.err


def test_it_waits_a_minute_and_a_bar_takes_its_place(tmp_path: Path) -> None:
    assert EvaluationLines().every == 60
    config = resolved(smoke_config(tmp_path, "+callbacks.progress.lines=false"))
    assert not [each for each in prepare(config).trainer.callbacks if isinstance(each, EvaluationLines)]
