"""Task, test, profile, latency and trial steps know a detector by its calls alone, whatever its raw outputs are."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from lightweight_ssd.config.settings import resolved
from lightweight_ssd.detector.inference import prepared_for_inference
from lightweight_ssd.export.network import DeployedNetwork
from lightweight_ssd.profiling.complexity import complexity
from lightweight_ssd.profiling.latency import latency
from lightweight_ssd.training.bare_step import DryRunStep, place_of
from lightweight_ssd.training.fitted_anchors import with_fitted_anchors
from lightweight_ssd.training.memory_estimate import training_memory
from lightweight_ssd.training.run import fit_and_measure
from tests.another_detector import Guess, GuessCriterion, Guesser
from tests.running import smoke_config


def config_of_another(tmp_path: Path, *overrides: str) -> Any:
    """The smoke experiment with the other detector in place of its own."""
    cfg = smoke_config(tmp_path, "trainer.max_epochs=1", *overrides)
    postprocess = OmegaConf.to_container(cfg.detector.postprocess)
    cfg.detector = {"_target_": f"{Guesser.__module__}.Guesser", "backbone": {}, "postprocess": postprocess}
    cfg.criterion = {"_target_": f"{GuessCriterion.__module__}.GuessCriterion", "weights": {"box": 1, "class": 1}}
    return cfg


@pytest.mark.slow
@pytest.mark.parametrize("passes", [1, 2])
def test_it_is_trained_measured_and_recorded(passes: int, tmp_path: Path) -> None:
    cfg = config_of_another(tmp_path, f"trainer.accumulate_grad_batches={passes}")
    run = fit_and_measure(cfg, {"backbone": "none", "neck": "none", "loss": "none", "augment": "basic"}, ())
    lines = list(csv.DictReader((run.run_dir / "metrics.csv").open()))
    assert {"train/box", "train/class", "train/matched", "val/box", "val/loss"} <= set(lines[0])
    results = json.loads((run.run_dir / "results.json").read_text())
    assert set(results["parts"]) == {"body", "guess"} and results["anchors"] == 1
    assert results["latency"]["ms"] > 0 and results["latency"]["predict_ms"] > 0
    detections = json.loads((run.run_dir / "detections.json").read_text())
    assert len({each["image_id"] for each in detections}) == 7, "one in each image of the test"


def test_its_cost_is_counted_by_its_own_parts() -> None:
    counted = complexity(Guesser(num_classes=3), [66, 130])
    assert counted["parts"] == {
        "body": {"parameters": 3 * 4 * 9 + 4, "macs": 16 * 32 * 3 * 4 * 9},
        "guess": {"parameters": 5 * 7, "macs": 4 * 7},
    }
    assert counted["parameters"] == 3 * 4 * 9 + 4 + 35 and counted["macs"] == 16 * 32 * 108 + 28


def test_its_latency_is_that_of_its_forward_and_of_its_post_processing() -> None:
    detector = Guesser(num_classes=3).eval()
    times = latency(detector, [64, 64], warmup=1, repeats=2)
    assert times["ms"] > 0 and times["predict_ms"] > 0
    assert detector.told == [0, 6] and detector.looked == 3


def test_a_trial_step_tells_it_the_objects(tmp_path: Path) -> None:
    cfg = config_of_another(tmp_path)
    dry_run = DryRunStep(cfg, 3, place_of(cfg.trainer))
    batch = dry_run.batch(4, objects=2)
    before = [weight.detach().clone() for weight in dry_run.detector.parameters()]
    dry_run.step(batch)
    assert dry_run.detector.told == [1, 0]
    assert not all(torch.equal(old, new) for old, new in zip(before, dry_run.detector.parameters(), strict=True))
    assert training_memory(cfg).of(4) > 0


def test_what_needs_anchors_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="single-shot detector to export but got Guesser"):
        DeployedNetwork(Guesser(num_classes=3), (64, 64))
    config = resolved(config_of_another(tmp_path, "anchors=auto"))
    with pytest.raises(ValueError, match=r"with anchors to fit, such as detector=ssd, for anchors=auto"):
        with_fitted_anchors(config)


def test_a_copy_for_inference_is_its_equal() -> None:
    detector, images = Guesser(num_classes=3).eval(), torch.randint(256, (2, 3, 40, 40), dtype=torch.uint8)
    copy = prepared_for_inference(detector)
    raw = copy(images)
    assert copy is not detector and isinstance(raw, Guess)
    torch.testing.assert_close(raw.secret, detector(images).secret)
