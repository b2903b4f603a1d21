"""PeleeNet and Pelee's extra layers."""

import pytest
import torch
from torch import nn

from lightweight_ssd.backbone.peleenet import DenseLayer, PeleeNet

TINY = 1 / 8


@pytest.fixture(scope="module")
def tiny() -> PeleeNet:
    torch.manual_seed(0)
    return PeleeNet(TINY).eval()


def test_parameters_and_levels_at_304_pixels() -> None:
    with torch.device("meta"):
        net = PeleeNet().eval()
        maps = net(torch.empty(1, 3, 304, 304))
    extra = sum(each.numel() for each in net.extra.parameters())
    assert (sum(each.numel() for each in net.parameters()) - extra, extra) == (2_097_248, 1_426_688)
    assert net.out_channels == (512, 704, 256, 256, 256)
    sides = (19, 10, 5, 3, 1)
    assert [tuple(m.shape) for m in maps] == [(1, c, s, s) for c, s in zip(net.out_channels, sides, strict=True)]


def test_the_least_size_has_a_cell_on_every_level(tiny: PeleeNet) -> None:
    least = tiny.min_size
    with torch.no_grad():
        assert [m.shape[-1] for m in tiny(torch.zeros(1, 3, least, least))] == [17, 9, 5, 3, 1]
        with pytest.raises(RuntimeError, match="Kernel size can't be greater"):
            tiny(torch.zeros(1, 3, least - 1, least - 1))


@pytest.mark.parametrize("sides", [(257, 259), (301, 303), (258, 300)])
def test_any_size_passes_the_stem_and_every_halving_rounds_up(tiny: PeleeNet, sides: tuple[int, int]) -> None:
    with torch.no_grad():
        maps = tiny(torch.zeros(0, 3, *sides))
    assert tuple(maps[0].shape[2:]) == tuple(-(-side // 16) for side in sides)
    assert tuple(maps[1].shape[2:]) == tuple(-(-side // 32) for side in sides)


def test_a_dense_layer_keeps_its_input_and_adds_both_ways() -> None:
    layer = DenseLayer(4, 3, 2, lambda a, b, kernel=1: nn.Sequential(nn.Conv2d(a, b, kernel, padding=kernel // 2)))
    x = torch.randn(1, 4, 5, 5)
    out = layer(x)
    torch.testing.assert_close(out, torch.cat([x, layer.short(x), layer.long(x)], dim=1))
    kernels = [
        [m.kernel_size[0] for m in way.modules() if isinstance(m, nn.Conv2d)] for way in (layer.short, layer.long)
    ]
    assert kernels == [[1, 3], [1, 3, 3]]


def test_the_extra_layers_alone_are_without_normalization(tiny: PeleeNet) -> None:
    norms = [module for module in tiny.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.03, 1e-3)}
    assert not any(isinstance(module, nn.BatchNorm2d) for module in tiny.extra.modules())
    convolutions = [module for module in tiny.modules() if isinstance(module, nn.Conv2d)]
    assert sum(conv.bias is not None for conv in convolutions) == 6 == len(convolutions) - len(norms)


def test_every_parameter_gets_a_gradient(tiny: PeleeNet) -> None:
    sum((level * torch.randn_like(level)).sum() for level in tiny(torch.randn(2, 3, 257, 257))).backward()
    assert [name for name, p in tiny.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


@pytest.mark.parametrize("width", [0.0, -1.0])
def test_a_width_that_is_none_is_named(width: float) -> None:
    with pytest.raises(ValueError, match=f"backbone.width above 0 but got {width}"):
        PeleeNet(width)
