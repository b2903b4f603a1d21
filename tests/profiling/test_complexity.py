from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tests.command_line import tiny_config

from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.detector.ssd import Detector
from lightweight_ssd.profiling.complexity import complexity, macs_by_part, parameters_by_part


def composed(*overrides: str) -> Detector:
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config: Any = OmegaConf.to_container(compose("profile", [*overrides]), resolve=True)
    return build(config["detector"], num_classes=20)


@pytest.fixture(scope="module")
def tiny() -> Detector:
    return build(tiny_config()["detector"], num_classes=2)


@pytest.mark.parametrize(
    ("overrides", "parameters", "giga"),
    [
        (["neck=none"], 4_159_382, 1.20),
        (["neck=fpn"], 4_564_694, 1.32),
        (["neck=cfpn", "neck.circles=1"], 4_713_686, 1.39),
        (["neck=cfpn"], 4_862_678, 1.55),
    ],
)
def test_the_papers_detectors(overrides: list[str], parameters: int, giga: float):
    measured = complexity(composed(*overrides), 300)
    assert measured["parameters"] == parameters
    assert round(measured["macs"] / 1e9, 2) == giga
    assert measured["anchors"] == 7302
    assert measured["input_size"] == [300, 300]
    for key in ("parameters", "macs"):
        assert sum(part[key] for part in measured["parts"].values()) == measured[key]


def test_multiply_adds_of_the_head_by_hand(tiny: Detector):
    # Levels of 8, 4 and 2 cells a side at 64 pixels, 8 channels each; 3, 6 and 6 anchors of 2 classes and 4 offsets.
    cells_times_anchors = 8 * 8 * 3 + 4 * 4 * 6 + 2 * 2 * 6
    assert macs_by_part(tiny, 64)["head"] == cells_times_anchors * 8 * (2 + 4)


def test_neck_without_weights_costs_nothing():
    measured = complexity(composed("neck=none"), 64)
    assert measured["parts"]["neck"] == {"parameters": 0, "macs": 0}


@pytest.mark.slow
def test_height_comes_first(tiny: Detector):
    wide, square = macs_by_part(tiny, [64, 128]), macs_by_part(tiny, 64)
    assert wide["head"] == 2 * square["head"]
    assert complexity(tiny, [64, 128])["input_size"] == [64, 128]


def test_frozen_weights_count(tiny: Detector):
    before = parameters_by_part(tiny)
    tiny.backbone.requires_grad_(False)
    assert parameters_by_part(tiny) == before
    tiny.backbone.requires_grad_(True)


def test_leaves_the_detector_as_it_was(tiny: Detector):
    tiny.train()
    before = {name: value.clone() for name, value in tiny.state_dict().items()}
    complexity(tiny, 64)
    assert all(module.training for module in tiny.modules())
    assert all(torch.equal(value, before[name]) for name, value in tiny.state_dict().items())


@pytest.mark.parametrize("image_size", [1, [64, 1], [64], [64, 64, 64], "64"])
def test_image_size_that_cannot_be(tiny: Detector, image_size: object):
    with pytest.raises((ValueError, TypeError), match="image_size"):
        complexity(tiny, image_size)  # pyright: ignore[reportArgumentType]
