"""The batch that a run chooses, remembers and refuses, on machines and GPUs of any size, which is made up."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from tests.command_line import TINY, run_command
from tests.run_server import RunServer
from tests.running import smoke_config

from lightweight_ssd.config.batch_split import BatchSplit
from lightweight_ssd.training import batch_size
from lightweight_ssd.training.batch_size import check_memory, choose_batch
from lightweight_ssd.training.memory_estimate import MemoryNeed, TrainingMemory
from lightweight_ssd.training.session import settings_of_ranks, with_batch_size

TRAIN = ("train", "data=shapes", "trainer.max_epochs=1", "trainer=cpu")
GB = 10**9
CPU, GPU = torch.device("cpu"), torch.device("cuda")


def _config(tmp_path: Path, *overrides: str) -> DictConfig:
    fixed = ["batch_size=null", "run_dir=null", "trainer.accelerator=cpu", f"runs={tmp_path / 'runs'}"]
    return smoke_config(tmp_path, *fixed, *overrides)


def _machine(
    monkeypatch: pytest.MonkeyPatch,
    free: float | None,
    total: float = 38.4,
    device: torch.device = CPU,
    devices: int = 1,
) -> None:
    """Sizes in GB. An image takes 0.2 GB in float32 and 0.1 in bfloat16, everything else 1 GB."""

    def estimated(cfg: DictConfig) -> TrainingMemory:
        half = cfg.trainer.precision == "bf16-mixed"
        return TrainingMemory(MemoryNeed(GB, (GB // (10 if half else 5),)), device, devices)

    known: dict[str, Any] = {
        "place_of": lambda trainer: type("Place", (), {"device": device}),
        "training_memory": estimated,
        "free_memory": lambda of: None if free is None else int(free * GB),
        "memory_of": lambda of: None if free is None else int(total * GB),
        "device_name": lambda of: "a CPU" if device.type == "cpu" else "a GPU",
        "devices_of": lambda trainer, of: devices,
    }
    for name, value in known.items():
        monkeypatch.setattr(batch_size, name, value)


@pytest.mark.parametrize(
    ("free", "total", "batch", "line"),
    [
        (90, 160, BatchSplit(126), "batch: 126 images, expected to take 26.2 GB of the 90.0 GB that are free\n"),
        # a quarter of 38.4 GB = 9.6 GB = 43 images
        (20, 38.4, BatchSplit(42, 3), "126 images as 3 × 42 by gradient accumulation, expected to take 9.4 GB of "),
        (8, 38.4, BatchSplit(21, 6), "batch: 126 images as 6 × 21 by gradient accumulation, expected to take 5.2 GB"),
        (2.0, 38.4, BatchSplit(3, 42), "126 images as 42 × 3 by"),
        (1.3, 3.2, BatchSplit(1, 126), "126 images as 126 × 1 by"),
    ],
)
def test_the_default_is_split_as_the_memory_is(
    free: float, total: float, batch: BatchSplit, line: str, tmp_path: Path, monkeypatch, capsys
):
    _machine(monkeypatch, free, total)
    assert choose_batch(_config(tmp_path)) == batch
    assert line in capsys.readouterr().out


def test_the_default_takes_less_than_half_of_the_machine(tmp_path: Path, monkeypatch):
    for total in (8, 16, 24, 64):
        _machine(monkeypatch, free=0.95 * total, total=total)
        batch = choose_batch(_config(tmp_path))
        assert 1.6 * (1 + 0.2 * batch.images) < 0.45 * total and batch.total == 126, "also where freed memory is kept"


def test_auto_fills_the_share_and_accumulates_if_asked(tmp_path: Path, monkeypatch, capsys):
    _machine(monkeypatch, free=20)
    monkeypatch.setattr(batch_size, "_images_of_training", lambda cfg: 200)
    auto = "batch_size=auto"
    assert choose_batch(_config(tmp_path, auto)) == BatchSplit(40, 1)
    assert "batch: 40 images, expected to take 9.0 GB of the 20.0 GB that are free\n" in capsys.readouterr().out
    assert choose_batch(_config(tmp_path, auto, "trainer.accumulate_grad_batches=2")) == BatchSplit(40, 2)
    assert choose_batch(_config(tmp_path, auto, "trainer.accumulate_grad_batches=auto")) == BatchSplit(42, 3)


@pytest.mark.slow
def test_auto_takes_no_more_images_than_there_are(tmp_path: Path, monkeypatch):
    _machine(monkeypatch, free=20)
    assert choose_batch(_config(tmp_path, "batch_size=auto", "data.train_images=13")) == BatchSplit(8)
    assert choose_batch(_config(tmp_path, "batch_size=auto", "datamodule.first_images=5")) == BatchSplit(5)


def test_all_devices_of_a_machine_share_its_memory(tmp_path: Path, monkeypatch):
    _machine(monkeypatch, free=20, devices=3)
    batch = choose_batch(_config(tmp_path, "trainer.devices=3"))
    assert batch.images % 3 == 0 and batch.total == 126
    assert TrainingMemory(MemoryNeed(GB, (GB // 5,)), CPU, 3).of(batch.images) < 9.6 * GB


@pytest.mark.parametrize(
    ("free", "total", "batch"), [(33, 40, BatchSplit(126)), (22, 24, BatchSplit(63, 2)), (7, 8, BatchSplit(21, 6))]
)
def test_on_a_gpu_its_own_memory_decides(free: float, total: float, batch: BatchSplit, tmp_path: Path, monkeypatch):
    _machine(monkeypatch, free, total, GPU)
    assert choose_batch(_config(tmp_path)) == batch


def test_on_a_gpu_auto_is_searched_by_real_steps(tmp_path: Path, monkeypatch, capsys):
    """With the one thing replaced that only a GPU can do: the search itself."""
    _machine(monkeypatch, 20, 24, GPU, devices=2)
    monkeypatch.setattr(batch_size, "images_per_gpu", lambda cfg, devices: 24)
    assert choose_batch(_config(tmp_path, "batch_size=auto")) == BatchSplit(48)
    assert "batch: 48 images, on a GPU\n" in capsys.readouterr().out
    asked = _config(tmp_path, "batch_size=auto", "trainer.accumulate_grad_batches=auto")
    assert choose_batch(asked) == BatchSplit(42, 3)


def test_where_nothing_says_how_much_is_free(tmp_path: Path, monkeypatch):
    _machine(monkeypatch, free=None)
    assert choose_batch(_config(tmp_path)) == BatchSplit(126)
    check_memory(_config(tmp_path, "batch_size=4000"))
    with pytest.raises(ValueError, match="Expected a system that says how much memory is free for batch_size=auto"):
        choose_batch(_config(tmp_path, "batch_size=auto"))


def test_several_machines_cannot_agree(tmp_path: Path):
    assert choose_batch(_config(tmp_path, "trainer.num_nodes=2")) == BatchSplit(126)
    with pytest.raises(ValueError, match=r"Expected one machine for batch_size=auto but got trainer\.num_nodes=2"):
        choose_batch(_config(tmp_path, "trainer.num_nodes=2", "batch_size=auto"))


def test_a_precision_that_cannot_be_rehearsed_is_not_refused(tmp_path: Path):
    assert choose_batch(_config(tmp_path, "trainer.precision=64-true")) == BatchSplit(126)
    check_memory(_config(tmp_path, "trainer.precision=64-true", "batch_size=4000"))
    with pytest.raises(ValueError, match=r"Expected trainer\.precision among"):
        choose_batch(_config(tmp_path, "trainer.precision=64-true", "batch_size=auto"))


def test_what_fits_is_not_refused(tmp_path: Path, monkeypatch):
    _machine(monkeypatch, free=20)
    check_memory(_config(tmp_path, "batch_size=95"))  # 20 GB: what is asked for may take all that is free


@pytest.mark.parametrize(
    ("free", "overrides", "sentence"),
    [
        (
            18.04,
            ["batch_size=126", "image_size=300"],
            "Expected 26.2 GB of memory for batch_size=126 at 300 pixels in 32-true, but 18.0 GB are free; give "
            "batch_size=auto, or batch_size=42 trainer.accumulate_grad_batches=3, or trainer.precision=bf16-mixed.",
        ),
        (
            18.04,
            ["batch_size=252", "image_size=[300,400]"],
            "Expected 51.4 GB of memory for batch_size=252 at 300×400 pixels in 32-true, but 18.0 GB are free; give "
            "batch_size=auto, or batch_size=42 trainer.accumulate_grad_batches=6.",
        ),
        (
            10,
            ["batch_size=126", "trainer.accumulate_grad_batches=2", "trainer.precision=bf16-mixed"],
            "Expected 13.6 GB of memory for batch_size=126 at 64 pixels in bf16-mixed, but 10.0 GB are free; give "
            "batch_size=auto, or batch_size=63 trainer.accumulate_grad_batches=4.",
        ),
        (
            1.05,
            ["batch_size=1"],
            "Expected 1.2 GB of memory for batch_size=1 at 64 pixels in 32-true, but 1.0 GB are free; give a smaller "
            "image_size or network.",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_what_does(
    free: float, overrides: list[str], sentence: str, tmp_path: Path, monkeypatch
):
    _machine(monkeypatch, free)
    with pytest.raises(ValueError) as refused:
        check_memory(_config(tmp_path, *overrides))
    assert str(refused.value) == sentence


def test_a_job_of_a_sweep_is_offered_what_a_sweep_takes(tmp_path: Path, monkeypatch):
    """All its jobs have one number, and `batch_size=auto` is refused there."""
    _machine(monkeypatch, 18.04)
    said = r"are free; give batch_size=42 trainer\.accumulate_grad_batches=3, or trainer\.precision=bf16-mixed\.$"
    with pytest.raises(ValueError, match=said):
        check_memory(_config(tmp_path, "batch_size=126", "image_size=300"), of_sweep=True)


@pytest.mark.slow
def test_a_sweep_whose_batch_does_not_fit_says_what_it_takes(server: RunServer, tmp_path: Path):
    """Whatever it varies, and however large this machine is."""
    ended = server.run(tmp_path, "train", "-m", "experiment=smoke", "logger=csv", "batch_size=200000", "neck=none,fpn")
    assert ended.code == 1 and "2 failed" in ended.out, ended.out + ended.err
    logs = [path.read_text() for path in (tmp_path / "runs" / "sweeps").rglob("*.log")]
    assert len(logs) == 2 and all("GB are free; give batch_size=" in log for log in logs), logs
    assert not any("batch_size=auto" in log for log in logs)


def test_the_advice_fits(tmp_path: Path, monkeypatch):
    for free in (2.0, 5.0, 9.0, 18.0):
        _machine(monkeypatch, free)
        with pytest.raises(ValueError, match="batch_size=auto, or ") as refused:
            check_memory(_config(tmp_path, "batch_size=126"))
        advice = str(refused.value).partition(", or ")[2].split()[:2]
        check_memory(_config(tmp_path, *(each.rstrip(",.") for each in advice)))


def test_a_gpu_is_named(tmp_path: Path, monkeypatch):
    _machine(monkeypatch, 10, 24, GPU)
    with pytest.raises(ValueError, match=r"but 10\.0 GB are free on a GPU; give batch_size=auto"):
        check_memory(_config(tmp_path, "batch_size=126"))


def test_not_even_one_image_fits(tmp_path: Path, monkeypatch):
    _machine(monkeypatch, free=1.1)
    with pytest.raises(ValueError, match=r"Expected 1\.2 GB of memory for batch_size=1 .* but 1\.1 GB are free; give"):
        choose_batch(_config(tmp_path))


@pytest.mark.slow
def test_what_goes_on_keeps_its_batch(tmp_path: Path):
    checkpoint = tmp_path / "run" / "checkpoints" / "last.ckpt"
    checkpoint.parent.mkdir(parents=True)
    config = {"batch_size": 42, "trainer": {"accumulate_grad_batches": 3}}
    torch.save({"hyper_parameters": {"config": config}}, checkpoint)
    assert choose_batch(_config(tmp_path, f"resume={checkpoint}")) == BatchSplit(42, 3)
    assert choose_batch(_config(tmp_path, "resume=auto", f"run_dir={tmp_path / 'run'}")) == BatchSplit(42, 3)
    assert choose_batch(_config(tmp_path, f"resume={checkpoint}", "batch_size=8")) == BatchSplit(8, 1)


def test_a_choice_is_remembered_for_the_same_run(tmp_path: Path, monkeypatch):
    _machine(monkeypatch, free=20)
    cfg = _config(tmp_path)
    again = _config(tmp_path, "resume=auto")
    assert choose_batch(cfg) == BatchSplit(42, 3)
    (file,) = (tmp_path / "runs" / ".batch_sizes").iterdir()
    assert json.loads(file.read_text()) == {"batch_size": 42, "accumulate_grad_batches": 3, "device": "a CPU"}
    _machine(monkeypatch, free=8)
    assert choose_batch(again) == BatchSplit(42, 3), "of the run that resume=auto looks for"
    other = _config(tmp_path, "resume=auto", "image_size=96")
    assert choose_batch(other) == BatchSplit(21, 6)
    assert choose_batch(cfg) == BatchSplit(21, 6), "a new run takes what fits now"
    _machine(monkeypatch, free=20, total=19.2)
    assert choose_batch(again) == BatchSplit(18, 7), "on another machine nothing is remembered"


def test_other_ranks_get_the_batch_of_the_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LSSD_BATCH_SIZE", "56x2")
    cfg = OmegaConf.create({"batch_size": "auto", "trainer": {"accumulate_grad_batches": 1}})
    given = with_batch_size(cfg)
    assert (given.batch_size, given.trainer.accumulate_grad_batches) == (56, 2)
    assert cfg.batch_size == "auto"


def test_a_number_needs_no_look():
    cfg = OmegaConf.create({"batch_size": 16, "reference_batch": 126, "trainer": {"accumulate_grad_batches": 1}})
    with settings_of_ranks():
        assert with_batch_size(cfg).batch_size == 16 and os.environ["LSSD_BATCH_SIZE"] == "16x1"
    assert "LSSD_BATCH_SIZE" not in os.environ


@pytest.mark.slow
def test_the_command_refuses_before_it_writes_anything(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batch_size, "free_memory", lambda device: GB)
    ended = run_command(monkeypatch, capsys, *TRAIN, *TINY, "image_size=64", "batch_size=100000", "num_workers=0")
    assert ended.code == 1
    assert ended.err.startswith("lssd train: Expected ") and "Traceback" not in ended.err
    assert " GB of memory for batch_size=100000 at 64 pixels in 32-true, but 1.0 GB are free; give " in ended.err
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and ".locks" not in path.parts]


@pytest.mark.slow
def test_the_command_splits_its_default_and_finds_its_run_again(tmp_path: Path, monkeypatch, capsys):
    """With little memory free the first time and much the second."""
    monkeypatch.chdir(tmp_path)
    small = ("experiment=smoke", "batch_size=null", "reference_batch=24", "trainer.max_epochs=1", "logger=csv")
    nine_images = batch_size.training_memory(smoke_config(tmp_path)).of(9)
    monkeypatch.setattr(batch_size, "_budget", lambda device, free: nine_images)
    first = run_command(monkeypatch, capsys, "train", *small)
    assert first.code is None and "batch: 24 images as 3 × 8 by gradient accumulation, expected to take " in first.out
    (run,) = (tmp_path / "runs" / "smoke").iterdir()
    training = json.loads((run / "results.json").read_text())["training"]
    assert (training["total_batch"], training["steps"]) == (24, 1)
    config = OmegaConf.load(run / "config.yaml")
    assert (config.batch_size, config.trainer.accumulate_grad_batches) == (8, 3)
    monkeypatch.setattr(batch_size, "_budget", lambda device, free: free)
    again = run_command(monkeypatch, capsys, "train", *small, "resume=auto")
    assert again.code is None and "batch: 24 images as 3 × 8 by gradient accumulation, as before" in again.out
    assert "Nothing to do: this run is finished" in again.out
    assert [path.name for path in (tmp_path / "runs" / "smoke").iterdir()] == [run.name]


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
    ended = _lssd(tmp_path, *TRAIN, "experiment=mine", "seed=0,1", f"--config-dir={tmp_path}", "-m")
    assert ended.returncode == 1
    assert "lssd train: Expected one batch_size for all jobs of a sweep" in ended.stderr


@pytest.mark.slow
def test_jobs_of_a_sweep_have_the_default_in_one_pass(tmp_path: Path):
    """Whatever the memory: rows with batches of different sizes could not be compared."""
    small = ("experiment=smoke", "batch_size=null", "reference_batch=6", "trainer.max_epochs=1", "logger=csv")
    ended = _lssd(tmp_path, "train", "-m", *small, "seed=0,1")
    assert ended.returncode == 0, ended.stdout
    runs = sorted(path.parent for path in tmp_path.glob("runs/smoke/*/results.json"))
    assert len(runs) == 2
    for run in runs:
        config = OmegaConf.load(run / "config.yaml")
        assert (config.batch_size, config.trainer.accumulate_grad_batches) == (6, 1)


@pytest.mark.slow
def test_two_processes_agree_on_the_batch(tmp_path: Path):
    small = ("experiment=smoke", "batch_size=null", "reference_batch=8", "trainer.max_epochs=1", "logger=csv")
    devices = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.accumulate_grad_batches=2")
    ended = _lssd(tmp_path, "train", *small, *devices)
    assert ended.returncode == 0, ended.stderr
    (results,) = tmp_path.glob("runs/smoke/*/results.json")
    training = json.loads(results.read_text())["training"]
    assert (training["world_size"], training["total_batch"], training["steps"]) == (2, 8, 3)


def _lssd(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "lightweight_ssd", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
