"""Latency, tiny: every runtime beside every other detector."""

import sys

import pytest
import torch
from tests.command_line import TINY

from lightweight_ssd.benchmark.latency import benchmark_latency
from lightweight_ssd.benchmark.record import Record
from lightweight_ssd.config.compose import compose

OURS = "MBlitenet + CFPN"


def _record(**changed: object) -> Record:
    small = {"image_size": 64, "rounds": 2, "warmup": 0, "num_classes": 2, "forms": ["eager"]}
    return benchmark_latency(compose(TINY, "benchmark_latency").detector, **{**small, **changed})


def test_ours_stands_beside_the_peers():
    threads = torch.get_num_threads()
    record = _record()
    assert [(line.what, line.beside) for line in record.measurements] == [
        (f"{OURS}, eager", "ssdlite320_mobilenet_v3_large"),
        (f"{OURS}, eager", "YOLO11n"),
    ]
    assert all(line.ours > 0 and (line.theirs or 0) > 0 for line in record.measurements)
    assert record.notes[0].startswith(f"Parameters: {OURS} 0.0")
    assert torch.get_num_threads() == threads


@pytest.mark.slow
def test_every_runtime_stands_beside_the_eager_one():
    record = _record(forms=["eager", "onnx"], peers=False)
    (line,) = record.measurements
    assert (line.what, line.beside) == (f"{OURS}, onnx", "eager")
    assert line.ours > 0 and (line.theirs or 0) > 0
    assert f"{OURS} onnx " in record.notes[1]


def test_a_runtime_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    record = _record(forms=["eager", "onnx"], peers=False)
    assert [line.what for line in record.measurements] == [f"{OURS}, eager"]
    assert "onnxruntime is left out" in record.notes[-1]


def test_ours_alone():
    (line,) = _record(peers=False).measurements
    assert (line.what, line.beside, line.theirs) == (f"{OURS}, eager", "", None)


def test_no_runtime_at_all_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"Expected a runtime that is available here\. onnxruntime is left out"):
        _record(forms=["onnx"], peers=False)
