"""MobileNet against the counts of the framework that the paper quotes."""

from pathlib import Path

import pytest
import timm
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import nn

from lightweight_ssd.backbone.mobilenet_v1 import MobileNetV1
from lightweight_ssd.checkpoint.load import build_detector
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.detector.ssd import Detector

EXTRA = [{"reduction": 4, "channels": 8}]


@pytest.fixture(scope="module")
def detector() -> Detector:
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        overrides = ["run_dir=/nowhere", "experiment_name=test", "backbone=mobilenet_v1", "neck=none"]
        config = OmegaConf.to_container(compose("train", overrides), resolve=True)
    return build_detector(config, [str(index) for index in range(91)])  # pyright: ignore[reportArgumentType]


def test_parameters_of_the_printed_detector(detector: Detector) -> None:
    """With the 90 classes of COCO and the background, as the framework counts."""
    assert sum(parameter.numel() for parameter in detector.parameters()) == 6_819_839


def test_levels_at_300_pixels(detector: Detector) -> None:
    net = detector.backbone.eval()
    assert net.out_channels == (512, 1024, 512, 256, 256, 128)
    assert net.strides == (16, 32, 64, 128, 256, 512)
    with torch.no_grad():
        maps = net(torch.zeros(1, 3, 300, 300))
    expected = [
        (1, channels, side, side) for channels, side in zip(net.out_channels, (19, 10, 5, 3, 2, 1), strict=True)
    ]
    assert [tuple(level.shape) for level in maps] == expected


def test_odd_size_and_empty_batch(detector: Detector) -> None:
    sizes = [(17, 12), (9, 6), (5, 3), (3, 2), (2, 1), (1, 1)]
    for batch in (0, 1):
        with torch.no_grad():
            maps = detector.backbone.eval()(torch.zeros(batch, 3, 257, 191))
        assert [tuple(level.shape[-2:]) for level in maps] == sizes
        assert {len(level) for level in maps} == {batch}


def test_small_images_train_and_every_parameter_gets_a_gradient(detector: Detector) -> None:
    torch.manual_seed(0)
    net = detector.backbone.train()
    maps = net(torch.randn(2, 3, 96, 96))
    assert [level.shape[-1] for level in maps] == [6, 3, 2, 1, 1, 1]
    sum((level * torch.randn_like(level)).sum() for level in maps).backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


def test_norms_and_rectifiers(detector: Detector) -> None:
    modules = list(detector.backbone.modules())
    assert {(m.momentum, m.eps) for m in modules if isinstance(m, nn.BatchNorm2d)} == {(0.03, 1e-3)}
    assert not any(isinstance(m, nn.ReLU) for m in modules)
    assert sum(isinstance(m, nn.ReLU6) for m in modules) == 27 + 8  # thirteen blocks of two and the stem


def test_levels_are_those_of_the_network_of_the_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = timm.create_model("mobilenetv1_100", pretrained=False).eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    net = MobileNetV1(EXTRA, str(tmp_path / "weights.pth")).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        fine, top, _ = net(x)
        expected = whole.forward_intermediates(x, intermediates_only=True)  # type: ignore[operator]
    torch.testing.assert_close(fine, expected[3])
    torch.testing.assert_close(top, expected[4])
