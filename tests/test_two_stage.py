"""`detector=thundernet` and `detector=faster_rcnn` at a tiny width through the real commands."""

import csv
import json
import os
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

import lightweight_ssd as lssd
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.criterion.two_stage import TERMS, TwoStageCriterion
from lightweight_ssd.training.fitted_anchors import with_fitted_anchors
from lightweight_ssd.training.memory_estimate import training_memory
from lightweight_ssd.training.run import TrainedRun, train
from tests.command_line import port_of_our_own, run_command
from tests.run_server import RunServer
from tests.small_detectors import NARROW, two_stage

pytestmark = pytest.mark.slow  # runs are trained

QUICK = (
    "data=shapes_tiny", "datamodule.first_images=4", "augment=basic", "trainer=cpu", "num_workers=0", "logger=csv",
    "image_size=64", "batch_size=2", "reference_batch=2", "optim.lr=0.001", "eval_batch_size=4", "pictures=0",
    "latency=null", "callbacks.ema.decay=0.9", "deterministic=true", "trainer.max_steps=4",
    "trainer.log_every_n_steps=1", "coco_metric=false",
)  # fmt: skip
# Dropout draws from PyTorch's own generator, whose place no checkpoint holds; proposals and anchors do not.
SETTINGS = {
    "thundernet": ("detector=thundernet", *NARROW["thundernet"]),
    "faster_rcnn": ("detector=faster_rcnn", *NARROW["faster_rcnn"], "detector.head.dropout=0.0"),
}


def settings_of(name: str, folder: Path, *more: str) -> list[str]:
    return [*SETTINGS[name], *QUICK, f"data.root={folder / 'data'}", f"runs={folder / 'runs'}", *more]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], TrainedRun]:
    """Four steps of each without a stop."""

    @cache
    def run_of(name: str) -> TrainedRun:
        folder = tmp_path_factory.mktemp(name)
        return train(settings_of(name, folder, f"run_dir={folder / name}"))

    return run_of


@pytest.mark.parametrize("name", NARROW)
def test_it_is_measured_in_gray_too_and_every_term_is_logged(name: str, trained: Callable[[str], TrainedRun]) -> None:
    run = trained(name)
    results = run.results
    assert results.test is not None and results.test_gray is not None
    rows = list(csv.DictReader((run.run_dir / "metrics.csv").open()))
    assert {f"{split}/{term}" for split in ("train", "val") for term in TERMS} <= set(rows[0])
    assert {"backbone", "neck", "rpn", "rpn_head", "head"} <= set(
        json.loads((run.run_dir / "results.json").read_text())["parts"]
    )


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    trained: Callable[[str], TrainedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained("thundernet")
    name, folder = run.run_dir.name, run.run_dir.parent
    settings = settings_of(name, folder, f"run_dir={folder / 'stopped'}", "gray_test=false")
    with monkeypatch.context() as patched:
        _interrupt_at_third_call(patched)
        with pytest.raises(KeyboardInterrupt, match="stopped by SIGINT"):
            train(settings)
    last = folder / "stopped" / "checkpoints" / "last.ckpt"
    resumed = train([*settings, f"resume={last}"])
    assert resumed.results.training is not None and (resumed.results.training.resumed_at_step or 0) > 0
    whole, after = (
        torch.load(each / "checkpoints" / "last.ckpt", weights_only=True) for each in (run.run_dir, folder / "stopped")
    )
    for key in ("state_dict", "ema_state_dict"):
        assert whole[key].keys() == after[key].keys()
        assert all(torch.equal(whole[key][tensor], after[key][tensor]) for tensor in whole[key])
    assert whole["state_dict"]["detector.draws"] == whole["state_dict"]["criterion.proposals.classification.draws"] == 4


@pytest.mark.parametrize("name", NARROW)
def test_it_predicts_and_is_profiled(
    name: str, trained: Callable[[str], TrainedRun], tmp_path: Path, monkeypatch, capsys
) -> None:
    run = trained(name)
    image = next((run.run_dir.parent / "data").rglob("*.jpg"))
    found = lssd.predict(run.checkpoint, image, output=tmp_path / "found", score_threshold=0.0, max_detections=7)
    assert found.images == 1
    outcome = run_command(monkeypatch, capsys, "profile", str(run.checkpoint), "repeats=1", "warmup=0")
    assert outcome.code is None and "rpn_head" in outcome.out


def test_its_page_shows_it_and_its_export_is_refused_in_a_sentence(
    trained: Callable[[str], TrainedRun], tmp_path: Path, monkeypatch, capsys
) -> None:
    run = trained("thundernet")
    outcome = run_command(monkeypatch, capsys, "report", str(run.run_dir), f"output={tmp_path / 'report'}")
    assert outcome.code is None and (tmp_path / "report" / "index.html").is_file()
    with pytest.raises(ValueError, match="Expected a single-shot detector to export but got TwoStageDetector"):
        lssd.export(run.checkpoint, output=tmp_path / "detector.onnx")


def test_an_untrained_one_is_profiled(monkeypatch, capsys) -> None:
    settings = ("detector=thundernet", "image_size=320", "warmup=0", "repeats=1")
    outcome = run_command(monkeypatch, capsys, "profile", *settings)
    assert outcome.code is None and "1,086,310" in outcome.out and "10,000 anchors" in outcome.out


def test_its_anchors_can_be_fitted(tmp_path: Path) -> None:
    config = with_fitted_anchors(resolved(compose(settings_of("thundernet", tmp_path, "anchors=auto"))))
    (level,) = config["detector"]["anchors"]["levels"]
    assert len(level) == 25 and level != two_stage("thundernet").detector.anchors.shapes(1)[0]


def test_the_memory_of_a_training_is_estimated(tmp_path: Path) -> None:
    need = training_memory(compose(settings_of("thundernet", tmp_path)))
    assert need.of(8) > need.of(2) > 0


def test_two_processes_train_it_and_half_precision_too(server: RunServer, tmp_path: Path) -> None:
    """Each step has a batch of one image per process, some without an object that a proposal overlaps."""
    settings = settings_of("thundernet", tmp_path, "trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2",
                           "trainer.precision=bf16-mixed", "trainer.sync_batchnorm=false", "batch_size=4")  # fmt: skip
    done = server.run(tmp_path, "train", *settings, MASTER_PORT=str(port_of_our_own()))
    assert done.code == 0, done.err
    (results,) = (tmp_path / "runs").rglob("results.json")
    assert json.loads(results.read_text())["training"]["world_size"] == 2


def _interrupt_at_third_call(patched: pytest.MonkeyPatch) -> None:
    original, calls = TwoStageCriterion.forward, [0]

    def counted(self: TwoStageCriterion, *arguments: Any) -> Any:
        calls[0] += self.training
        if self.training and calls[0] == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self, *arguments)

    patched.setattr(TwoStageCriterion, "forward", counted)
