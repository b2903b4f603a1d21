"""`written_by_0_1_0.ckpt`: a checkpoint that names its classes by the module paths of version 0.1.0.

Version 0.1.0 wrote it (seed 0, `experiment=smoke` with narrower widths, an FPN and a moving average of the weights).
"""

import json
from pathlib import Path

import pytest
from tests.command_line import run_command

from lightweight_ssd.checkpoint.load import load_checkpoint, load_detector

CHECKPOINT = Path(__file__).parent / "written_by_0_1_0.ckpt"
MAP_50 = 0.004440993788819876  # of the run that wrote it, on its test split


def test_it_loads_with_its_classes_at_their_present_places() -> None:
    config = load_checkpoint(CHECKPOINT)["hyper_parameters"]["config"]
    assert config["criterion"]["_target_"] == "lightweight_ssd.criterion.ssd.SSDCriterion"
    detector, _, class_names = load_detector(CHECKPOINT)
    assert len(class_names) == 5 and sum(each.numel() for each in detector.parameters()) == 7341


@pytest.mark.slow
def test_it_is_measured_as_when_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run_command(monkeypatch, capsys, "evaluate", f"checkpoint={CHECKPOINT}", "trainer=cpu", "num_workers=0")
    assert outcome.code is None
    (results,) = tmp_path.glob("evaluations/*/results.json")
    assert json.loads(results.read_text())["test"]["map_50"] == pytest.approx(MAP_50, rel=1e-6)
