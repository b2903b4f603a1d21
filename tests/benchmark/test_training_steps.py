"""Whole steps learn, bare steps do not; the peers are given the same objects in their own form."""

import sys

import pytest
import torch
from tests.training.test_bare_step import tiny

from lightweight_ssd.benchmark.peers import ssdlite320, yolo11n
from lightweight_ssd.benchmark.training_steps import _as_ultralytics, our_step, ssdlite320_step, yolo11n_step
from lightweight_ssd.ops.boxes import cxcywh_to_xyxy
from lightweight_ssd.training.bare_step import DryRunStep, place_of, random_batch

CPU = torch.device("cpu")


def test_our_parts_are_those_that_the_whole_adds():
    config = tiny("callbacks.ema.decay=0.9")
    dry_run = DryRunStep(config, 3, place_of(config.trainer))
    step = our_step(dry_run, dry_run.batch(2, objects=2))
    before = dry_run.detector.head.classes[0].bias.detach().clone()
    step.bare()
    assert torch.equal(dry_run.detector.head.classes[0].bias, before)
    step.whole()
    assert not torch.equal(dry_run.detector.head.classes[0].bias, before)
    assert step.name == "MBlitenet + CFPN"
    assert list(step.parts) == ["matching", "matching and losses", "optimizer", "moving average"]
    for part in step.parts.values():
        part()
    assert dry_run.average is not None and dry_run.average.steps == 2


@pytest.mark.slow
def test_peers_take_a_whole_step(monkeypatch: pytest.MonkeyPatch):
    made = []
    monkeypatch.setattr(
        "lightweight_ssd.benchmark.training_steps.ssdlite320", lambda n: made.append(ssdlite320(n)) or made[-1]
    )
    monkeypatch.setattr(
        "lightweight_ssd.benchmark.training_steps.yolo11n", lambda *a: made.append(yolo11n(*a)) or made[-1]
    )
    batch, place, notes = random_batch(2, (64, 64), 3, 2, CPU), place_of(tiny().trainer), []
    steps = [ssdlite320_step(3, batch, place), yolo11n_step(3, batch, place, notes)]
    assert [step.name for step in steps if step] == ["ssdlite320_mobilenet_v3_large", "YOLO11n"]
    assert not notes
    for step, model in zip(steps, made, strict=True):
        assert step is not None
        before = [weight.detach().clone() for weight in model.parameters()]
        step.bare()
        assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
        step.whole()
        assert not all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


def test_ultralytics_gets_the_same_boxes():
    batch = random_batch(4, (64, 96), 3, 2, CPU)
    theirs = _as_ultralytics(batch)
    real = batch.labels >= 0
    assert theirs["batch_idx"].tolist() == [image for image, count in enumerate(real.sum(1)) for _ in range(count)]
    assert theirs["cls"][:, 0].tolist() == batch.labels[real].tolist()
    torch.testing.assert_close(cxcywh_to_xyxy(theirs["bboxes"]) * torch.tensor([96, 64, 96, 64]), batch.boxes[real])


def test_without_ultralytics_there_is_a_note(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    notes: list[str] = []
    assert yolo11n_step(3, random_batch(2, (64, 64), 3, 2, CPU), place_of(tiny().trainer), notes) is None
    assert notes == [
        "ultralytics is left out, since it cannot be imported; pip install 'lightweight-ssd[benchmarks]' brings it."
    ]
