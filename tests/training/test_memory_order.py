"""The memory order that a run takes where `channels_last` is left open."""

import os
from pathlib import Path

import pytest
from omegaconf import DictConfig

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.settings import changed
from lightweight_ssd.training.memory_order import with_memory_order
from lightweight_ssd.training.session import settings_of_ranks

SMALL = ("data=shapes", "data.train_images=100000", "trainer=cpu", "batch_size=2", "image_size=64")
NETWORK = ("backbone=mobilenet_v2", "neck=none", "trainer.max_epochs=1")


def _config(tmp_path: Path, *overrides: str) -> DictConfig:
    return changed(compose([*SMALL, *NETWORK, *overrides]), run_dir=str(tmp_path))


def _chosen(cfg: DictConfig) -> bool:
    with settings_of_ranks():
        return with_memory_order(cfg, None).channels_last


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lightweight-ssd" / "memory_orders"


def test_it_is_measured_once_and_said(tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = _chosen(_config(tmp_path))
    assert "memory order: " in (said := capsys.readouterr().out) and "measured in 20 steps" in said
    (kept,) = cache.iterdir()
    kept.write_text('{"seconds_per_step": {"channels_last": 4.0, "contiguous": 3.0}}')
    assert _chosen(_config(tmp_path)) is False and isinstance(first, bool)
    assert "contiguous, a step takes 0.75 of its time" in (said := capsys.readouterr().out)
    assert "as measured before" in said


@pytest.mark.parametrize("value", [True, False])
def test_what_is_asked_for_is_taken(tmp_path: Path, value: bool) -> None:
    assert _chosen(_config(tmp_path, f"channels_last={str(value).lower()}")) is value


@pytest.mark.parametrize("settings", [("deterministic=true",), ("trainer.max_steps=5",), ("data.train_images=20",)])
def test_without_a_trial(settings: tuple[str, ...], tmp_path: Path, cache: Path) -> None:
    assert _chosen(_config(tmp_path, *settings)) is True
    assert not cache.exists()


def test_a_compiler_chooses_itself(tmp_path: Path) -> None:
    assert _chosen(_config(tmp_path, "compile=true")) is False


def test_the_other_processes_take_what_the_first_one_chose(tmp_path: Path) -> None:
    with settings_of_ranks():
        os.environ["LSSD_CHANNELS_LAST"] = "0"
        assert with_memory_order(_config(tmp_path, "trainer.max_steps=5"), None).channels_last is False
    assert "LSSD_CHANNELS_LAST" not in os.environ
