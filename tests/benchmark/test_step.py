"""The step's benchmark, tiny: which lines it has and that their values are possible, never how fast it is."""

import sys
from pathlib import Path

import pytest
import torch
from tests.command_line import TINY

from lightweight_ssd.benchmark.record import Record
from lightweight_ssd.benchmark.step import benchmark_step
from lightweight_ssd.config.compose import compose

SMALL = ["image_size=64", "trainer=cpu", "num_workers=0"]
DATA = ["data.train_images=8", "data.val_images=2", "data.test_images=2", "data.image_size=64", "data.min_scale=0.3"]


def _record(*overrides: str, **settings: object) -> Record:
    config = compose([*TINY, *SMALL, *overrides], "benchmark_step")
    return benchmark_step(config, **{"batch_size": 2, "rounds": 2, "warmup": 1, "num_classes": 2, **settings})


@pytest.mark.slow
def test_all_lines(tmp_path: Path):
    threads = torch.get_num_threads()
    record = _record(f"data.root={tmp_path}", *DATA, with_data=True)
    assert [(line.what, line.beside) for line in record.measurements] == [
        ("MBlitenet + CFPN, a step", "forward and backward alone"),
        ("ssdlite320_mobilenet_v3_large, a step", "forward and backward alone"),
        ("YOLO11n, a step", "forward and backward alone"),
        ("step over bare", "ssdlite320_mobilenet_v3_large"),
        ("step over bare", "YOLO11n"),
        ("MBlitenet + CFPN, a step of lssd train", "forward and backward alone"),
        ("training, data being read", "data on the device"),
    ]
    assert all(line.ours > 0 and line.theirs is not None and line.theirs > 0 for line in record.measurements)
    assert [line.target.value for line in record.measurements if line.target] == [1.05]
    assert record.setting.startswith("MBlitenet + CFPN at 64×64, peers at 320×320, batch 2, 32-true, ")
    assert "matching " in record.notes[0] and "moving average " in record.notes[0]
    assert torch.get_num_threads() == threads


def test_without_peers_and_loop():
    record = _record("channels_last=true", peers=False, loop=False, threads=1)
    assert [line.what for line in record.measurements] == ["MBlitenet + CFPN, a step"]
    assert "1 CPU threads" in record.setting


@pytest.mark.parametrize(("images", "notes"), [(4, 2), (6, 1)])
def test_too_few_images_for_the_steps_are_noted(images: int, notes: int, tmp_path: Path):
    data = [f"data.root={tmp_path}", *DATA, f"data.train_images={images}"]
    record = _record(*data, with_data=True, peers=False, loop=False)
    assert len(record.notes) == notes
    assert all("data.train_images=6 of data=shapes" in note for note in record.notes[1:])


@pytest.mark.slow
def test_a_peer_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    record = _record(loop=False)
    assert not any("YOLO" in line.what + line.beside for line in record.measurements)
    assert "ultralytics is left out" in record.notes[0]


def test_the_configuration_that_is_given_stays_as_it_is():
    config = compose([*TINY, *SMALL], "benchmark_step")
    before = config.copy()
    benchmark_step(config, rounds=1, warmup=1, batch_size=1, num_classes=2, peers=False, loop=False)
    assert config == before
