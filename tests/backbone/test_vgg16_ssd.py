"""SSD300's VGG-16: levels, sizes, and weights from files as torchvision and timm write them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lightweight_ssd.backbone.vgg16_ssd import VGG16SSD
from lightweight_ssd.layers.vgg_weights import load_vgg16

TINY = 1 / 32


@pytest.fixture(scope="module")
def tiny() -> VGG16SSD:
    torch.manual_seed(0)
    return VGG16SSD(TINY).eval()


def test_parameters_and_levels_at_300_pixels() -> None:
    with torch.device("meta"):
        net = VGG16SSD()
        maps = net(torch.empty(1, 3, 300, 300))
    assert sum(each.numel() for each in net.parameters()) == 22_943_936
    assert net.out_channels == (512, 1024, 512, 256, 256, 256)
    sides = (38, 19, 10, 5, 3, 1)
    assert [tuple(m.shape) for m in maps] == [(1, c, s, s) for c, s in zip(net.out_channels, sides, strict=True)]


def test_the_least_size_has_a_cell_on_every_level(tiny: VGG16SSD) -> None:
    least = tiny.min_size
    with torch.no_grad():
        assert [m.shape[-1] for m in tiny(torch.zeros(1, 3, least, least))][-3:] == [5, 3, 1]
        with pytest.raises(RuntimeError, match="Kernel size can't be greater"):
            tiny(torch.zeros(1, 3, least - 1, least - 1))


def test_a_side_of_its_own_and_an_empty_batch(tiny: VGG16SSD) -> None:
    with torch.no_grad():
        maps = tiny(torch.zeros(0, 3, 268, 333))
    assert [tuple(m.shape[2:]) for m in maps] == [(34, 42), (17, 21), (9, 11), (5, 6), (3, 4), (1, 2)]
    assert {len(m) for m in maps} == {0} and tuple(m.shape[1] for m in maps) == tiny.out_channels


def test_the_first_level_has_the_learned_length_in_every_cell(tiny: VGG16SSD) -> None:
    with torch.no_grad():
        finest = tiny(torch.randn(1, 3, 268, 268))[0]
    torch.testing.assert_close(finest.norm(dim=1), torch.full((1, 34, 34), 20.0))


def test_random_weights_keep_the_size_of_the_values() -> None:
    """From the second level on they neither vanish nor grow, though nothing normalizes them."""
    torch.manual_seed(0)
    net = VGG16SSD(0.25).eval()
    with torch.no_grad():
        maps = net(torch.randn(1, 3, 268, 268))
    assert all(0.1 < float(level.square().mean().sqrt()) < 10 for level in maps[1:])


def test_every_parameter_gets_a_gradient(tiny: VGG16SSD) -> None:
    sum((level * torch.randn_like(level)).sum() for level in tiny(torch.randn(1, 3, 268, 268))).backward()
    assert [name for name, p in tiny.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    tiny.zero_grad()


@pytest.mark.parametrize("width", [0.0, -1.0])
def test_a_width_that_is_none_is_named(width: float) -> None:
    with pytest.raises(ValueError, match=f"width above 0 but got {width}"):
        VGG16SSD(width)


def small_file(path: Path, fully_connected: Any, net: VGG16SSD) -> dict[str, Tensor]:
    """VGG-16 as it would be at the width of `net`, with the names of the network's own features."""
    generator = torch.Generator().manual_seed(0)
    numbers = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    layers = [each for each in net.modules() if isinstance(each, torch.nn.Conv2d)][:13]
    content = {
        f"features.{number}.{kind}": torch.randn(value.shape, generator=generator)
        for number, layer in zip(numbers, layers, strict=True)
        for kind, value in layer.state_dict().items()
    } | fully_connected
    torch.save(content, path)
    return content


def test_a_file_of_convolutions_is_taken_in_its_order(tmp_path: Path) -> None:
    net, file = VGG16SSD(TINY), tmp_path / "vgg16.pth"
    layers = [each for each in net.modules() if isinstance(each, torch.nn.Conv2d)]
    nan = {"classifier.0.weight": torch.full((4, 4), torch.nan), "classifier.0.bias": torch.full((4,), torch.nan)}
    content = small_file(file, nan, net)
    before = [each.weight.clone() for each in layers[13:]]
    loaded = load_vgg16(layers, file)
    taken = [value for layer in layers[:13] for value in (layer.weight, layer.bias)]
    assert all(torch.equal(a, b) for a, b in zip(taken, list(content.values())[:26], strict=True) if a is not None)
    assert all(torch.equal(a, b.weight) for a, b in zip(before, layers[13:], strict=True))
    assert loaded.tensors == 26 and loaded.not_loaded == ["classifier.0"]
    assert loaded.mean == (123.0, 117.0, 104.0) and loaded.std == (1.0, 1.0, 1.0)


def test_weights_of_another_width_or_network_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "vgg16.pth"
    small_file(file, {}, VGG16SSD(TINY))
    with pytest.raises(ValueError, match=r"Expected backbone\.weights=.*vgg16\.pth to hold the 13 convolutions"):
        VGG16SSD(2 * TINY, str(file))
    torch.save({"features.0.weight": torch.zeros(1)}, file)
    with pytest.raises(ValueError, match="but found 1, or others"):
        VGG16SSD(TINY, str(file))
    with pytest.raises(FileNotFoundError, match=r"backbone\.weights=.*missing is not a file"):
        VGG16SSD(TINY, str(tmp_path / "missing"))


@pytest.mark.slow
def test_fully_connected_layers_become_convolutions(tmp_path: Path) -> None:
    """Values that say where they come from: every fourth output, and of a 7×7 kernel every third place."""
    second = torch.arange(4096.0)[:, None] + torch.arange(4096.0) / 4096
    file = tmp_path / "vgg16.pth"
    connected = {
        "classifier.0.weight": torch.arange(4096.0)[:, None].expand(4096, 25088) + torch.arange(49.0).repeat(512) / 64,
        "classifier.0.bias": torch.arange(4096.0),
        "classifier.3.weight": second,
        "classifier.3.bias": torch.arange(4096.0),
    }
    small_file(file, connected, VGG16SSD())
    net = VGG16SSD(weights=str(file))
    _, fc6, _, fc7, _ = net.body.extra[0][-1]
    places = torch.tensor([0.0, 3, 6, 21, 24, 27, 42, 45, 48]).reshape(3, 3) / 64
    expected = torch.arange(0, 4096, 4.0)[:, None, None, None] + places
    torch.testing.assert_close(fc6.weight, expected.expand(1024, 512, 3, 3), atol=0, rtol=0)
    torch.testing.assert_close(fc7.weight[..., 0, 0], second[::4, ::4], atol=0, rtol=0)
    assert torch.equal(fc6.bias, torch.arange(0, 4096, 4.0)) and torch.equal(fc7.bias, fc6.bias)
    assert net.loaded_weights is not None and net.loaded_weights.std == (58.395, 57.12, 57.375)
