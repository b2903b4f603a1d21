"""The search for what fits into a GPU, on any limit, and the rehearsed steps on the CPU."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from tests.running import smoke_config
from tests.training.test_bare_step import tiny

from lightweight_ssd.training import batch_search
from lightweight_ssd.training.bare_step import DryRunStep, place_of
from lightweight_ssd.training.batch_search import largest, step_fits


@given(limit=st.integers(0, 3000), most=st.integers(1, 3000))
def test_the_largest_multiple_that_fits(limit: int, most: int):
    tried: list[int] = []
    found = largest(lambda images: tried.append(images) or images <= limit, most)
    whole = most // 8 * 8 or most
    assert found == (min(limit // 8 * 8, whole) if most >= 8 else most * (most <= limit))
    assert len(tried) == len(set(tried)) <= 20
    assert max(tried) <= whole


def _rehearsal() -> DryRunStep:
    config = tiny()
    return DryRunStep(config, 3, place_of(config.trainer))


@pytest.mark.slow
def test_steps_that_fit():
    dry_run = _rehearsal()
    assert step_fits(dry_run, images=3, objects=2)
    assert all(weight.grad is None for weight in dry_run.detector.parameters())


@pytest.mark.slow
def test_only_a_lack_of_memory_does_not_fit(monkeypatch: pytest.MonkeyPatch):
    dry_run = _rehearsal()

    def full(batch: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(dry_run, "step", full)
    assert not step_fits(dry_run, images=2, objects=1)
    monkeypatch.setattr(dry_run, "step", lambda batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        step_fits(dry_run, images=2, objects=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "slots"), [("{}", 3), ("{m: {_target_: lightweight_ssd.augment.mosaic.Mosaic}}", 12)]
)
def test_the_fullest_image_is_rehearsed(steps: str, slots: int, tmp_path: Path):
    cfg = smoke_config(tmp_path, "data.train_images=30", "data.max_objects=3")
    cfg.augment.steps = OmegaConf.create(steps)
    source = batch_search.build(cfg.data)
    objects = batch_search._objects(cfg, source.annotations("train"))
    assert 2 * objects - slots in (0, 1)
