"""The loop that is timed is the real one: it trains, logs and averages, and serves what it was given."""

from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf
from tests.training.test_bare_step import tiny

from lightweight_ssd.benchmark.train_loop import images_per_second, loop_seconds, steps_when_fed
from lightweight_ssd.training.bare_step import DryRunStep, place_of

QUIET = [
    "callbacks.best=null", "callbacks.last=null", "callbacks.early_stopping=null", "callbacks.pictures=null",
    "callbacks.progress=null", "+trainer.enable_progress_bar=false", "+trainer.enable_checkpointing=false",
    "trainer.log_every_n_steps=1", "logger=csv", "num_workers=0", "data.train_images=8", "data.val_images=2",
    "data.test_images=2", "data.image_size=64", "data.min_scale=0.3",
]  # fmt: skip


@pytest.fixture
def cfg(tmp_path: Path) -> DictConfig:
    config = tiny(*QUIET, f"data.root={tmp_path / 'data'}")
    OmegaConf.set_struct(config, False)
    config.run_dir = str(tmp_path / "run")
    return config


def test_between_two_steps_the_bare_network_runs(cfg: DictConfig, tmp_path: Path):
    seen = []
    batch = DryRunStep(cfg, 3, place_of(cfg.trainer)).batch(2, objects=1)
    whole, bare = loop_seconds(cfg, batch, lambda: seen.append(1), steps=3, warmup=2)
    assert len(whole) == len(bare) == 3
    assert all(seconds > 0 for seconds in [*whole, *bare])
    assert len(seen) >= 6
    steps = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert len(steps) == 1 + 6  # it logged its steps as training does
    assert not (tmp_path / "data").exists()


def test_the_rate_with_and_without_reading(cfg: DictConfig, tmp_path: Path):
    batch = DryRunStep(cfg, 5, place_of(cfg.trainer)).batch(2, objects=1)
    assert images_per_second(cfg, batch, steps=2, warmup=1) > 0
    assert not (tmp_path / "data").exists()
    assert images_per_second(cfg, None, steps=6, warmup=1) > 0  # more than one epoch of four batches
    assert (tmp_path / "data").is_dir()


@pytest.mark.slow
def test_what_lay_ready_is_used_up_before_the_clock_counts(cfg: DictConfig, tmp_path: Path):
    cfg.num_workers = 1  # which has two batches ready
    assert steps_when_fed(cfg, steps=2, warmup=1) == (10, 3)
    assert steps_when_fed(cfg, steps=30, warmup=1) == (30, 3)
    assert images_per_second(cfg, None, steps=2, warmup=1) > 0
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 1 + 13
