"""A detector gives its raw outputs in every runtime; what is missing is named."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.command_line import tiny_config
from tests.exported_files import open_sizes
from torch import nn

from lightweight_ssd.benchmark.models import Model, our_model, peer_models
from lightweight_ssd.benchmark.runtimes import prepare
from lightweight_ssd.checkpoint.load import build_detector


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255


@pytest.fixture
def tanh() -> Model:
    return Model("Tanh", nn.Tanh(), 0, lambda *order: None)


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["eager", "onnx", "openvino", "ncnn", "mnn", "executorch"])
def test_every_runtime_agrees_with_the_detector(runtime: Any, image: torch.Tensor):
    torch.manual_seed(0)
    detector = build_detector(tiny_config(), ["a", "b"]).eval()
    ours, notes = our_model(detector), []
    with torch.inference_mode():
        expected = detector(image)[:2]
    with open_sizes():
        made = prepare(runtime, ours, image, notes)
    assert not notes, notes
    assert made is not None and made.seconds_to_prepare > 0
    for raw, value in zip(expected, made.run(), strict=True):
        torch.testing.assert_close(torch.as_tensor(value), raw, rtol=1e-3, atol=1e-4)
    assert ours.name == "MBlitenet + CFPN"
    assert ours.parameters == sum(weight.numel() for weight in detector.parameters())


@pytest.mark.slow
def test_others_are_written_by_their_own_means(image: torch.Tensor):
    ssdlite, yolo = peer_models(3, [])
    with open_sizes():
        made, written = (prepare("onnx", each, image, []) for each in (ssdlite, yolo))
    assert made is not None and written is not None
    assert [value.shape[0] for value in made.run()] == [1, 1]
    (found,) = written.run()
    assert found.shape == (1, 4 + 3, 84)
    notes: list[str] = []
    assert prepare("mnn", ssdlite, image, notes) is None
    assert notes[-1] == "ssdlite320_mobilenet_v3_large has no means of its own to be written for mnn."


def test_peers_give_their_raw_outputs(image: torch.Tensor):
    ssdlite, yolo = peer_models(3, [])
    made = prepare("eager", ssdlite, image, [])
    assert made is not None
    logits, offsets = made.run()
    assert logits.shape[::2] == (1, 4) and offsets.shape == (*logits.shape[:2], 4)
    made = prepare("eager", yolo, image, [])
    assert made is not None
    scores, boxes = made.run()
    assert scores.shape == (1, 3, 84) and boxes.shape == (1, 64, 84)  # 8² + 4² + 2² cells
    assert 2e6 < ssdlite.parameters < 3e6 and 2e6 < yolo.parameters < 3e6


@pytest.mark.parametrize("module", ["onnxruntime", "onnxscript"])
def test_onnx_needs_its_packages(module: str, image: torch.Tensor, tanh: Model, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, module, None)
    notes: list[str] = []
    assert prepare("onnx", tanh, image, notes) is None
    assert prepare("onnx", tanh, image, notes) is None
    assert notes == [
        f"{module} is left out, since it cannot be imported; pip install 'lightweight-ssd[onnx]' brings it."
    ]


@pytest.mark.slow
def test_compilation_needs_a_compiler(
    image: torch.Tensor, tanh: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    import torch._inductor.config

    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", ("no_such_compiler",))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # what is compiled already needs no compiler
    notes: list[str] = []
    assert prepare("compiled", tanh, image, notes) is None
    assert notes == ["torch.compile is left out: it needs a C++ compiler; apt-get install g++ brings one."]
