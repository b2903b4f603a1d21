"""A detector made ready for inference gives the outputs of the one that it was made of."""

import pytest
import torch
from torch import nn

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.detector.inference import fold, prepared_for_inference
from lightweight_ssd.detector.ssd import Detector
from lightweight_ssd.layers.conv import conv_norm
from lightweight_ssd.layers.mixed_depthwise import MixedDepthwise


def _detector(*overrides: str) -> Detector:
    """With statistics and scales that a fold must not forget."""
    torch.manual_seed(0)
    detector = build(resolved(compose(list(overrides)))["detector"], num_classes=3)
    for norm in detector.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for values, low in ((norm.running_mean, -0.1), (norm.running_var, 0.8), (norm.weight, 0.9)):
                nn.init.uniform_(values, low, low + 0.2)  # type: ignore[arg-type]
            nn.init.uniform_(norm.bias, -0.1, 0.1)
    return detector


@pytest.mark.parametrize(
    "overrides",
    [("neck=cfpn",), ("neck=bifpn",), ("neck=pan", "backbone=mobilenet_v2"), ("neck=none", "backbone=mobilenet_v1")],
)
def test_outputs_are_equal(overrides: tuple[str, ...]) -> None:
    detector = _detector(*overrides).double().eval()
    images = torch.randint(256, (2, 3, 96, 70), dtype=torch.uint8)
    ready = prepared_for_inference(detector)
    with torch.no_grad():
        expected, got = detector(images), ready(images)
    torch.testing.assert_close(got.logits, expected.logits)
    torch.testing.assert_close(got.offsets, expected.offsets)
    assert torch.equal(got.anchors, expected.anchors)


def test_no_normalization_is_left_and_the_detector_stays_as_it_was() -> None:
    detector = _detector()
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    ready = prepared_for_inference(detector)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in ready.modules())
    assert detector.training and all(parameter.requires_grad for parameter in detector.parameters())
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())


def test_in_single_precision_boxes_and_scores_agree() -> None:
    detector = _detector().eval()
    images = torch.randint(256, (2, 3, 96, 96), dtype=torch.uint8)
    with torch.no_grad():
        expected, got = detector(images), prepared_for_inference(detector, "cpu")(images)
    torch.testing.assert_close(got.logits.sigmoid(), expected.logits.sigmoid(), rtol=0, atol=1e-4)
    torch.testing.assert_close(got.offsets, expected.offsets, rtol=0, atol=1e-4 * float(expected.offsets.abs().max()))


def test_a_network_of_others_keeps_its_layers() -> None:
    detector = _detector("backbone=timm", "backbone.model=mobilenetv3_small_050").eval()
    images = torch.randint(256, (1, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        got, expected = prepared_for_inference(detector)(images).logits, detector(images).logits
    torch.testing.assert_close(got.sigmoid(), expected.sigmoid(), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("kernels", "stride"), [((3, 5), 2), ((1, 7, 3), 1)])
@pytest.mark.parametrize("relu", [True, False])
def test_mixed_kernels_become_one(kernels: tuple[int, ...], stride: int, relu: bool) -> None:
    channels = 2 * len(kernels)
    mixed = MixedDepthwise(channels, kernels, stride)
    layers = nn.Sequential(mixed, nn.BatchNorm2d(channels), *[nn.ReLU()] * relu, nn.Conv2d(channels, 2, 1))
    x = torch.randn(1, channels, 7, 5)
    with torch.no_grad():
        expected = nn.Sequential(layers).eval()(x)
        fold(whole := nn.Sequential(layers).eval())
        torch.testing.assert_close(whole(x), expected)
    assert len(list(whole.modules())) == 4  # the two sequences and two convolutions


def test_an_empty_batch() -> None:
    fold(whole := nn.Sequential(conv_norm(2, 3, momentum=0.1, eps=1e-3)).eval())
    assert whole(torch.zeros(0, 2, 4, 4)).shape == (0, 3, 4, 4)
