"""What the tests of exports share: detectors with mixed, attentive and repeated layers, small and as if trained."""

import functools
from collections.abc import Iterator

import jaxtyping
import pytest
import torch
from tests.command_line import tiny_config

from lightweight_ssd.checkpoint.load import build_detector
from lightweight_ssd.detector.ssd import Detector

ALL_BLOCKS = (
    "backbone.stem=[{channels: 8, stride: 2}]",
    "backbone.rows=[{block: bottleneck, expansion: 1, channels: 8, repeats: 1, stride: 2, level: false},"
    "{block: mix, expansion: 2, channels: 8, repeats: 2, stride: 2, level: true},"
    "{block: attentive, expansion: 2, channels: 8, repeats: 2, stride: 2, level: false}]",
    "backbone.last_channels=16",
    "backbone.extra_channels=[8]",
)


@pytest.fixture(autouse=True, scope="package")
def open_batch() -> Iterator[None]:
    """A checked shape would compare sizes, and so fix the batch that an exporter leaves open."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@functools.cache
def settled_detector(neck: str = "cfpn", size: int = 72) -> Detector:
    """A detector whose normalizations have seen images, in evaluation mode; each of its BatchNorms is another one."""
    torch.manual_seed(0)
    width = [] if neck == "none" else ["neck.width=8"]
    config = tiny_config(size, f"neck={neck}", *width, blocks=ALL_BLOCKS)
    detector = build_detector(config, ["circle", "square", "star"])
    for module in detector.modules():
        if isinstance(module, torch.nn.BatchNorm2d) and module.weight is not None:
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    detector.train()
    with torch.no_grad():
        for _ in range(20):
            detector(torch.randint(0, 256, (4, 3, size, size), dtype=torch.uint8))
    return detector.eval()
