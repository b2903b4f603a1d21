"""The estimate of a training's memory: what it counts, and how near it comes to what a real training takes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import DictConfig
from tests.training.test_bare_step import tiny

from lightweight_ssd.config.compose import compose
from lightweight_ssd.training import kept_memory, memory_estimate
from lightweight_ssd.training.memory_estimate import (
    MemoryNeed,
    TrainingMemory,
    can_be_estimated,
    devices_of,
    training_memory,
)

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@given(
    fixed=st.integers(0, 500), kept=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    evaluation=st.integers(0, 300), budget=st.integers(0, 3000), devices=st.integers(1, 4),
    device=st.sampled_from([CPU, GPU]),
)  # fmt: skip
def test_what_stays_within_a_budget_is_the_most(
    fixed: int, kept: list[int], evaluation: int, budget: int, devices: int, device: torch.device
):
    memory = TrainingMemory(MemoryNeed(fixed, tuple(kept), 1, evaluation), device, devices)
    images = memory.images_within(budget)
    assert images % devices == 0
    assert images == 0 or memory.of(images) <= budget
    assert memory.of(images + devices) > budget


def test_processes_of_a_machine_share_its_memory_but_gpus_have_their_own():
    need = MemoryNeed(fixed=100, kept=(4, 6))
    assert TrainingMemory(need, GPU, 2).of(8) == 140
    assert TrainingMemory(need, CPU, 2).of(8) == 280 + memory_estimate._PROCESS


def test_what_was_found_is_remembered_for_the_same_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    memory_estimate._need.cache_clear()
    found = training_memory(tiny("num_workers=0", "seed=1")).need
    with monkeypatch.context() as patch:
        patch.setattr(memory_estimate, "DryRunStep", None)  # no trial can be made
        memory_estimate._need.cache_clear()
        assert training_memory(tiny("num_workers=0", "seed=2", "pictures=0")).need == found
        with pytest.raises(TypeError):
            training_memory(tiny("num_workers=0", "optim=adamw"))
    for file in tmp_path.rglob("memory_needs/*.json"):
        file.write_text('{"fixed": 1')
    memory_estimate._need.cache_clear()
    assert training_memory(tiny("num_workers=0")).need == found, "a broken file is written anew"


def test_the_fixed_part_is_counted_tensor_by_tensor():
    """Weights and gradients, one momentum (SGD) or two moments (AdamW), the average of all weights and buffers."""
    sgd = training_memory(tiny("num_workers=0")).need.fixed
    adamw = training_memory(tiny("num_workers=0", "optim=adamw")).need.fixed
    average = training_memory(tiny("num_workers=0", "callbacks.ema.decay=0.9")).need.fixed
    weights = adamw - sgd
    assert weights > 10_000
    assert 3 * weights < sgd - memory_estimate._LATER < 4 * weights  # with buffers
    assert weights < average - sgd < 2 * weights


def test_workers_and_their_batches_count_on_the_cpu():
    without, two = (training_memory(tiny(f"num_workers={count}")).need for count in (0, 2))
    assert two.image - without.image == 4 * 3 * 64 * 64
    assert two.fixed - without.fixed == 4 * memory_estimate._WORKER


def test_more_pixels_take_more_and_half_precision_less():
    small, wide = (training_memory(tiny("num_workers=0", f"image_size={size}")).need for size in ("64", "[64,128]"))
    assert 1.8 < sum(wide.kept) / sum(small.kept) < 2.2
    half = training_memory(tiny("num_workers=0", "trainer.precision=bf16-mixed")).need
    assert sum(half.kept) < 0.8 * sum(small.kept)


def test_small_tensors_leave_holes_in_the_heap_of_the_cpu():
    need = MemoryNeed(fixed=0, kept=(1_000_000, 10_000_000), on_heap=True)
    assert need.of(2) == 1.75 * 22_000_000
    assert need.of(4) == 1.75 * 4_000_000 + 40_000_000
    assert need._replace(on_heap=False).of(4) == 44_000_000


def test_the_batch_does_not_matter_and_a_second_look_is_free(monkeypatch: pytest.MonkeyPatch):
    first = training_memory(tiny("batch_size=2", "num_workers=0"))
    monkeypatch.setattr(memory_estimate, "DryRunStep", None)
    cfg = tiny("batch_size=64", "trainer.accumulate_grad_batches=3", "num_workers=0", "run_dir=/elsewhere")
    assert training_memory(cfg) == first


@pytest.mark.parametrize(
    ("changed", "can"),
    [
        ({}, True),
        ({"precision": 32}, True),
        ({"precision": "64-true"}, False),
        ({"accelerator": "tpu"}, False),
        ({"strategy": "ddp"}, True),
        ({"strategy": "fsdp"}, False),
        ({"strategy": {"_target_": "lightning.pytorch.strategies.DeepSpeedStrategy"}}, False),
    ],
)
def test_what_can_be_rehearsed(changed: dict[str, Any], can: bool):
    trainer = DictConfig({"accelerator": "auto", "precision": "32-true", "strategy": "auto", **changed})
    assert can_be_estimated(trainer) is can


@pytest.mark.parametrize(("devices", "count"), [("3", 3), ("[0,2]", 2), ("'0,2'", 2), ("'1,'", 1), ("auto", 4)])
def test_devices(devices: str, count: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    trainer = tiny(f"trainer.devices={devices}").trainer
    assert devices_of(trainer, GPU) == count
    if devices == "auto":
        assert devices_of(trainer, CPU) == 1


_MEASURED = """
import re, sys
from pathlib import Path

def of(name):
    return 1024 * int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

from lightweight_ssd.training import batch_size, kept_memory, memory_estimate, stages
from lightweight_ssd import train
if sys.argv.pop(1) == "given back":
    kept_memory.free_memory = lambda device: None  # it keeps memory only where it knows that there is enough
batch_size.training_memory  # all modules are loaded
before = of("VmRSS")
train(sys.argv[1:])
print("grew by", of("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("image_size", "batch_size", "freed"),
    [*((size, images, "given back") for size in (160, 224) for images in (8, 24)), (224, 24, "kept")],
)
def test_a_real_training_takes_what_was_expected(image_size: int, batch_size: int, freed: str, tmp_path: Path):
    """The paper's network in a process of its own, with one validation: within 30 %, or up to 1.6 times where it keeps
    what it frees."""
    overrides = [
        "data=shapes", f"data.root={tmp_path / 'data'}", f"image_size={image_size}", f"batch_size={batch_size}",
        f"data.train_images={2 * batch_size}", "data.val_images=8", "data.test_images=8", "trainer.max_epochs=1",
        "eval_batch_size=4", "trainer=cpu", "logger=csv", "num_workers=0", "latency=null", "gray_test=false",
        "coco_metric=null", "pictures=0", f"runs={tmp_path / 'runs'}",
    ]  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-c", _MEASURED, freed, *overrides], capture_output=True, text=True, timeout=600, check=False,
        cwd=tmp_path, env=dict(os.environ),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    grown = int(ended.stdout.rpartition("grew by ")[2])
    expected = training_memory(compose(overrides)).of(batch_size)
    most = 1.3 if freed == "given back" else kept_memory._HOLES
    assert expected / 1.3 < grown < most * expected, f"expected {expected / 1e6:.0f} MB, took {grown / 1e6:.0f} MB"
