"""`anchors=auto`, from the command to a checkpoint that loads without the data."""

import shutil
from pathlib import Path

import pytest
import yaml
from tests.running import smoke_config, smoke_run

from lightweight_ssd.checkpoint.load import load_trained
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.training.fitted_anchors import with_fitted_anchors

QUICK = ("anchors=auto", "pictures=0", "gray_test=false", "latency=null", "coco_metric=false")


def test_without_it_the_configuration_stays_as_it_is() -> None:
    config = resolved(compose(["data=shapes"]))
    assert with_fitted_anchors(config) is config and config["detector"]["anchors"]["levels"] is None
    with pytest.raises(ValueError, match="Expected anchors to be auto or null, but got 'aut'"):
        compose(["anchors=aut"])


@pytest.mark.slow
def test_a_run_writes_them_down_and_its_checkpoint_needs_no_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    smoke_run(tmp_path, *QUICK, "trainer.max_epochs=1")
    said = capsys.readouterr().out
    assert "anchors: fitted to " in said and "have an anchor with an IoU of 0.5 or more" in said
    run = tmp_path / "run"
    levels = yaml.safe_load((run / "config.yaml").read_text())["detector"]["anchors"]["levels"]
    shutil.rmtree(tmp_path / "data")
    detector = load_trained(run / "checkpoints" / "last.ckpt").detector
    assert [[list(pair) for pair in level] for level in detector.anchors.shapes(len(levels))] == levels
    assert [len(level) for level in levels] == [3] + [6] * (len(levels) - 1)


@pytest.mark.slow
def test_they_are_the_same_each_time_and_a_resumed_run_keeps_its_own(tmp_path: Path) -> None:
    smoke_run(tmp_path, *QUICK, "trainer.max_epochs=1")
    config = resolved(smoke_config(tmp_path, *QUICK))
    checkpoint = tmp_path / "run" / "checkpoints" / "last.ckpt"
    again, kept = with_fitted_anchors(config), with_fitted_anchors(config, checkpoint)
    assert again["detector"]["anchors"] == kept["detector"]["anchors"] != config["detector"]["anchors"]
    smoke_run(tmp_path, *QUICK, resume_from=checkpoint)
