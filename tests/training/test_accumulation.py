"""Several passes of a few images are one step of all of them: weights, average, rate and record; BatchNorm apart."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from tests.running import smoke_config, smoke_run
from torch import Tensor, nn

from lightweight_ssd.criterion.ssd import SSDCriterion
from lightweight_ssd.training import stages
from lightweight_ssd.training.accumulation import Accumulation
from lightweight_ssd.training.callbacks.interrupt import Interrupted

ONE_PASS = ("batch_size=6",)
THREE_PASSES = ("batch_size=2", "trainer.accumulate_grad_batches=3")


def test_the_gradient_is_that_of_one_pass():
    """Of three passes that matched 1, 5 and 0 anchors; the last is divided by 1 all the same."""
    matched, losses = [1, 5, 0], [2.0, 30.0, 4.0]
    layer, accumulation = nn.Linear(1, 1, bias=False), Accumulation()
    for number, (count, loss) in enumerate(zip(matched, losses, strict=True)):
        weight = accumulation.weight(torch.tensor(count), number == 0)
        (layer.weight.sum() * loss / max(count, 1) * weight / len(matched)).backward()
    accumulation.rescale(layer, len(matched))
    assert layer.weight.grad is not None
    assert layer.weight.grad.item() == pytest.approx(sum(losses) / sum(matched))


def test_no_match_at_all_is_divided_by_one():
    layer, accumulation = nn.Linear(1, 1, bias=False), Accumulation()
    for number in range(2):
        weight = accumulation.weight(torch.tensor(0), number == 0)
        (layer.weight.sum() * 3 * weight / 2).backward()
    accumulation.rescale(layer, 2)
    assert layer.weight.grad is not None and layer.weight.grad.item() == pytest.approx(6)


def _trained(tmp_path: Path, *overrides: str) -> dict[str, Any]:
    """Trains the smoke experiment without BatchNorm; returns what the last checkpoint and the trainer hold."""
    fixed = ("callbacks.ema.decay=0.9", "trainer.gradient_clip_val=1.0", "reference_batch=6", "optim=sgd")
    quiet = ("trainer.limit_val_batches=0", "callbacks.early_stopping=null", "callbacks.best=null")
    cfg = smoke_config(tmp_path, *fixed, *quiet, *overrides, run_dir=f"run{len(list(tmp_path.iterdir()))}")
    torch.manual_seed(0)
    parts = stages.prepare(OmegaConf.to_container(cfg, resolve=True))  # pyright: ignore[reportArgumentType]
    _without_batch_norm(parts.detector)
    stages.fit(parts, None)
    checkpoint = torch.load(Path(cfg.run_dir) / "checkpoints" / "last.ckpt", weights_only=True)
    return {**checkpoint, "passes": parts.trainer.fit_loop.epoch_loop.batch_progress.total.ready}


def _without_batch_norm(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.Identity())
        else:
            _without_batch_norm(child)


def _close(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    assert ours.keys() == theirs.keys()
    return all(torch.allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-5) for name in ours)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("images", "length", "steps", "passes"),
    [
        (12, "trainer.max_epochs=2", 4, 12),
        (
            17,
            "trainer.max_epochs=2",
            4,
            12,
        ),  # of eight passes, the two that make no step are left out
        (12, "trainer.max_steps=3", 3, 9),
    ],
)
def test_three_passes_are_one_step(images: int, length: str, steps: int, passes: int, tmp_path: Path):
    options = (f"data.train_images={images}", length, "trainer.max_epochs=2", length)
    one, three = (_trained(tmp_path, *batch, *options) for batch in (ONE_PASS, THREE_PASSES))
    assert one["global_step"] == three["global_step"] == steps
    assert (one["passes"], three["passes"]) == (steps, passes)
    assert _close(one["state_dict"], three["state_dict"])
    assert _close(one["ema_state_dict"], three["ema_state_dict"])
    assert one["lr_schedulers"] == three["lr_schedulers"]
    moved = _trained(tmp_path, *ONE_PASS, *options[:1], "trainer.max_steps=1", "trainer.max_epochs=2")
    assert not _close(one["state_dict"], moved["state_dict"]), "nothing would be compared"


@pytest.mark.slow
def test_an_epoch_shorter_than_a_step_is_a_step(tmp_path: Path):
    """Four images: two passes of a step that would have three, and as one pass of four."""
    options = ("data.train_images=4", "trainer.max_epochs=2")
    whole = _trained(tmp_path, "batch_size=4", *options, "optim.lr=0.0015")
    two = _trained(tmp_path, *THREE_PASSES, *options, "optim.lr=0.001")  # the rate is that of 4 and of 6 images
    assert whole["global_step"] == two["global_step"] == 2
    assert _close(whole["state_dict"], two["state_dict"])


RESUMED = (*THREE_PASSES, "trainer.max_epochs=2", "callbacks.ema.decay=0.9")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("accumulated")
    smoke_run(folder, *RESUMED, run_dir="whole")
    return folder


# Of twelve passes: within a step, in its last pass, and within the last step before a validation.
@pytest.mark.slow
@pytest.mark.parametrize("call", [4, 6, 11])
def test_a_run_that_is_stopped_within_a_step_resumes_at_its_end(
    call: int, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch
):
    run_dir, calls, original = f"stopped{call}", [0], SSDCriterion.forward

    def counted(self: SSDCriterion, *arguments: Any):
        calls[0] += self.training
        if self.training and calls[0] == call:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(SSDCriterion, "forward", counted)
        with pytest.raises(Interrupted):
            smoke_run(uninterrupted, *RESUMED, run_dir=run_dir)
    last = uninterrupted / run_dir / "checkpoints" / "last.ckpt"
    smoke_run(uninterrupted, *RESUMED, run_dir=run_dir, resume_from=last)
    whole, resumed = (
        torch.load(uninterrupted / name / "checkpoints" / "last.ckpt", weights_only=True) for name in ("whole", run_dir)
    )
    assert whole["global_step"] == resumed["global_step"] == 8
    for key in ("state_dict", "ema_state_dict"):
        assert all(torch.equal(whole[key][name], resumed[key][name]) for name in whole[key])
    record = [(uninterrupted / name / "metrics.csv").read_text() for name in ("whole", run_dir)]
    assert record[0] == record[1]
