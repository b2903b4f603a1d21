"""SSD's extra layers."""

import pytest
import torch
from torch import nn

from lightweight_ssd.layers.ssd_extra import ExtraLayers
from lightweight_ssd.layers.weight_gradient import Convolution

LAYERS = ({"reduction": 4, "channels": 8}, {"reduction": 2, "channels": 6})


@pytest.mark.parametrize("batch", [0, 2])
def test_each_layer_is_a_level_of_half_the_size(batch: int) -> None:
    extra = ExtraLayers(5, LAYERS, momentum=0.1, eps=1e-5).eval()
    assert extra.out_channels == (8, 6)
    assert [tuple(x.shape) for x in extra(torch.zeros(batch, 5, 9, 2))] == [(batch, 8, 5, 1), (batch, 6, 3, 1)]


def test_no_layers_are_no_levels() -> None:
    extra = ExtraLayers(5, (), momentum=0.1, eps=1e-5)
    assert extra.out_channels == ()
    assert extra(torch.zeros(1, 5, 3, 3)) == []


def test_parameters_by_hand() -> None:
    extra = ExtraLayers(5, LAYERS, momentum=0.1, eps=1e-5)
    first = 5 * 4 + 2 * 4 + 9 * 4 * 8 + 2 * 8
    second = 8 * 2 + 2 * 2 + 9 * 2 * 6 + 2 * 6
    assert sum(parameter.numel() for parameter in extra.parameters()) == first + second


@pytest.mark.parametrize("rectifier", [nn.ReLU, nn.ReLU6])
def test_norms_and_rectifiers_are_those_asked_for(rectifier: type[nn.Module]) -> None:
    extra = ExtraLayers(5, LAYERS, rectifier, momentum=0.2, eps=0.5)  # type: ignore[arg-type]
    kinds = [type(layer) for stack in extra.layers for layer in stack]  # type: ignore[union-attr]
    assert kinds == [Convolution, nn.BatchNorm2d, rectifier] * 4
    norms = [module for module in extra.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.2, 0.5)}


@pytest.mark.parametrize("layer", [{"channels": 8}, {"reduction": 4, "chanels": 8}, {"reduction": 0, "channels": 8}])
def test_mistakes_are_named(layer: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"extra layer of the backbone as \{reduction, channels\}"):
        ExtraLayers(5, [layer], momentum=0.1, eps=1e-5)
