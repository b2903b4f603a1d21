"""A rehearsed step is the step of training: the same parts, and the weights learn from it."""

from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from tests.command_line import TINY

from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.training.bare_step import DryRunStep, place_of, random_batch


def tiny(*overrides: str) -> DictConfig:
    fixed = ["run_dir=/nowhere", "experiment_name=test", "image_size=64", "batch_size=2", "trainer=cpu", "data=shapes"]
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose("train", [*fixed, *TINY, *overrides])


def _rehearsal(*overrides: str) -> DryRunStep:
    config = tiny(*overrides)
    torch.manual_seed(0)
    return DryRunStep(config, 3, place_of(config.trainer))


def test_a_batch_has_boxes_inside_and_padding_at_the_end():
    batch = random_batch(50, (64, 96), 4, 3, torch.device("cpu"))
    counts = (batch.labels >= 0).sum(dim=1)
    assert batch.images.shape == (50, 3, 64, 96) and batch.boxes.shape == (50, 6, 4)
    assert 0 <= counts.min() < 2 and 4 < counts.max() <= 6
    assert all((labels[:count] >= 0).all() for labels, count in zip(batch.labels, counts, strict=True))
    real = batch.boxes[batch.labels >= 0]
    assert (real >= 0).all() and (real <= torch.tensor([96, 64, 96, 64])).all() and (real[:, 2:] > real[:, :2]).all()
    assert not batch.boxes[batch.labels < 0].any()
    assert batch.labels.max() == 3


def test_a_step_moves_weights_and_average():
    dry_run = _rehearsal("callbacks.ema.decay=0.5")
    before = [weight.detach().clone() for weight in dry_run.detector.parameters()]
    batch = dry_run.batch(2, objects=2)
    dry_run.step(batch)
    moved = [not torch.equal(old, new) for old, new in zip(before, dry_run.detector.parameters(), strict=True)]
    assert sum(moved) > len(moved) / 2
    assert dry_run.average is not None and dry_run.average.steps == 1
    name = "head.classes.0.bias"
    state = dry_run.detector.state_dict()[name]
    assert not torch.equal(dry_run.average.average[name], state)
    assert all(weight.grad is None for weight in dry_run.detector.parameters())


@pytest.mark.slow
def test_steps_learn_their_batch():
    dry_run = _rehearsal("optim=adamw", "optim.lr=0.02", "reference_batch=2")
    batch = dry_run.batch(2, objects=1)
    first = dry_run.loss(dry_run.forward(batch), batch).item()
    for _ in range(30):
        dry_run.step(batch)
    assert dry_run.loss(dry_run.forward(batch), batch).item() < 0.7 * first


def test_settings_of_training_are_kept():
    dry_run = _rehearsal("channels_last=true", "batch_size=63", "optim.lr=0.2", "image_size=[64,96]")
    assert dry_run.average is None
    assert [group["lr"] for group in dry_run.optimizer.param_groups] == pytest.approx([0.1, 0.1])
    images = dry_run.batch(2, objects=1).images
    assert images.shape == (2, 3, 64, 96) and images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("precision", "dtype"), [("32-true", torch.float32), ("bf16-mixed", torch.bfloat16)])
def test_precision_is_the_trainers(precision: str, dtype: torch.dtype):
    dry_run = _rehearsal(f"trainer.precision={precision}")
    batch = dry_run.batch(2, objects=1)
    raw = dry_run.forward(batch)
    assert raw.logits.dtype == dtype
    assert dry_run.loss(raw, batch).dtype == torch.float32


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"precision": "64-true"},
            "Expected trainer.precision among 32-true, 32, bf16-mixed, 16-mixed but got 64-true",
        ),
        ({"accelerator": "tpu"}, "Expected device=auto, cpu, cuda or cuda:N but got tpu"),
    ],
)
def test_what_cannot_be_rehearsed_is_said(changed: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        place_of(DictConfig({"accelerator": "cpu", "precision": "32-true", **changed}))


@pytest.mark.parametrize(
    ("devices", "index"), [("auto", 0), (2, 0), ("2", 0), ([3], 3), ([2, 1], 2), ("0,2", 0), ("1,", 1)]
)
def test_the_first_gpu_of_the_run_is_used_by_its_number(devices: Any, index: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    trainer = DictConfig({"accelerator": "gpu", "precision": "32-true", "devices": devices})
    assert place_of(trainer).device == torch.device("cuda", index)
