"""The search on any limit; the rehearsed steps on the CPU; and what is said where there is no GPU to search."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from tests.command_line import run_command
from tests.running import smoke_config
from tests.training.test_bare_step import tiny

from lightweight_ssd.training import batch_size
from lightweight_ssd.training.bare_step import DryRunStep, place_of
from lightweight_ssd.training.batch_size import choose_batch_size, largest, step_fits
from lightweight_ssd.training.session import with_batch_size

TRAIN = ("train", "data=shapes", "trainer.max_epochs=1")


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


def _config(tmp_path: Path, *overrides: str) -> DictConfig:
    return smoke_config(tmp_path, "batch_size=auto", f"runs={tmp_path / 'runs'}", *overrides)


def test_a_cpu_is_not_searched(tmp_path: Path):
    with pytest.raises(ValueError, match=r"Expected a GPU for batch_size=auto, .* but this run trains on the CPU"):
        choose_batch_size(_config(tmp_path, "trainer.accelerator=cpu"))


def test_several_machines_are_not_searched(tmp_path: Path):
    with pytest.raises(ValueError, match=r"Expected one machine for batch_size=auto but got trainer\.num_nodes=2"):
        choose_batch_size(_config(tmp_path, "trainer.num_nodes=2"))


@pytest.mark.parametrize(
    ("devices", "count"), [("3", 3), ("[0,2]", 2), ("'0,2'", 2), ("'1,'", 1), ("auto", torch.cuda.device_count())]
)
def test_devices(devices: str, count: int):
    assert batch_size._devices(tiny(f"trainer.devices={devices}").trainer) == count


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "slots"), [("{}", 3), ("{m: {_target_: lightweight_ssd.augment.mosaic.Mosaic}}", 12)]
)
def test_the_fullest_image_is_rehearsed(steps: str, slots: int, tmp_path: Path):
    cfg = smoke_config(tmp_path, "data.train_images=30", "data.max_objects=3")
    cfg.augment.steps = OmegaConf.create(steps)
    source = batch_size.build(cfg.data)
    objects = batch_size._objects(cfg, source.annotations("train"))
    assert 2 * objects - slots in (0, 1)


@pytest.mark.slow
def test_what_goes_on_keeps_its_batch(tmp_path: Path):
    checkpoint = tmp_path / "run" / "checkpoints" / "last.ckpt"
    checkpoint.parent.mkdir(parents=True)
    torch.save({"hyper_parameters": {"config": {"batch_size": 48}}}, checkpoint)
    assert choose_batch_size(_config(tmp_path, f"resume={checkpoint}")) == 48
    assert choose_batch_size(_config(tmp_path, "resume=auto")) == 48  # run_dir is that folder


@pytest.mark.slow
def test_a_search_is_remembered_for_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With the one thing replaced that only a GPU can do: the search itself, and the question whether there is one."""
    place = place_of(tiny().trainer)._replace(device=torch.device("cuda"))
    monkeypatch.setattr(batch_size, "place_of", lambda trainer: place)
    monkeypatch.setattr(batch_size, "device_name", lambda device: "a GPU")
    monkeypatch.setattr(batch_size, "_total_memory", lambda device: 24e9)
    monkeypatch.setattr(batch_size, "_search", lambda cfg, place, devices: 24)
    cfg = _config(tmp_path, "run_dir=null", "trainer.devices=2")
    assert choose_batch_size(cfg) == 48
    (file,) = (tmp_path / "runs" / ".batch_sizes").iterdir()
    assert json.loads(file.read_text()) == {"batch_size": 48, "device": "a GPU", "devices": 2}
    monkeypatch.setattr(batch_size, "_search", lambda cfg, place, devices: 32)
    assert choose_batch_size(OmegaConf.merge(cfg, {"resume": "auto"})) == 48  # pyright: ignore[reportArgumentType]
    assert choose_batch_size(OmegaConf.merge(cfg, {"resume": "auto", "image_size": 96})) == 64  # pyright: ignore[reportArgumentType]
    assert choose_batch_size(cfg) == 64
    monkeypatch.setattr(batch_size, "_search", lambda cfg, place, devices: 8)
    monkeypatch.setattr(batch_size, "_total_memory", lambda device: 12e9)  # of a card of the same name
    assert choose_batch_size(OmegaConf.merge(cfg, {"resume": "auto"})) == 16  # pyright: ignore[reportArgumentType]


def test_other_ranks_get_the_number_of_the_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LSSD_BATCH_SIZE", "56")
    cfg = OmegaConf.create({"batch_size": "auto"})
    assert with_batch_size(cfg).batch_size == 56
    assert cfg.batch_size == "auto"


def test_a_number_needs_no_search():
    cfg = OmegaConf.create({"batch_size": 16})
    assert with_batch_size(cfg).batch_size == 16 and "LSSD_BATCH_SIZE" not in os.environ


@pytest.mark.slow
def test_on_a_cpu_the_command_says_one_sentence(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ended = run_command(monkeypatch, capsys, *TRAIN, "batch_size=auto", "trainer=cpu")
    assert ended.code == 1
    assert "lssd train: Expected a GPU for batch_size=auto" in ended.err and "Traceback" not in ended.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", ["auto", "8,auto"])
def test_a_sweep_shares_one_number(value: str, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ended = run_command(monkeypatch, capsys, *TRAIN, "-m", f"batch_size={value}", "seed=0,1")
    assert ended.code == 1
    assert "lssd train: Expected one batch_size for all jobs of a sweep" in ended.err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_an_experiment_of_a_sweep_cannot_bring_it_either(tmp_path: Path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nbatch_size: auto\n")
    command = [sys.executable, "-m", "lightweight_ssd", *TRAIN, "experiment=mine"]
    ended = subprocess.run(
        [*command, "seed=0,1", f"--config-dir={tmp_path}", "-m"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 1
    assert "lssd train: Expected one batch_size for all jobs of a sweep" in ended.stderr
