"""The layers around the region proposals: counts of the papers' systems, what they compute."""

import torch
from torch import nn

from lightweight_ssd.layers.rpn import ConvRPN, SeparableRPN, SpatialAttention


def parameters(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_they_have_the_parameters_of_faster_rcnn_and_thundernet() -> None:
    assert parameters(ConvRPN(512)) == 2_359_808
    assert parameters(SeparableRPN(245)) == 69_847
    assert parameters(SpatialAttention(256, 245)) == 63_210


def test_they_keep_the_size_of_the_map() -> None:
    features = torch.rand(2, 6, 5, 4)
    for layers in (ConvRPN(6, 8), SeparableRPN(6, 8)):
        out = layers(features)
        assert out.shape == (2, 8, 5, 4) and out.min() >= 0 and layers.out_channels == 8


def test_attention_weighs_each_value_between_nothing_and_itself() -> None:
    attention = SpatialAttention(4, 6).eval()
    features, hidden = torch.randn(2, 6, 5, 3), torch.randn(2, 4, 5, 3)
    out = attention(features, hidden)
    torch.testing.assert_close(out, features * attention.weight(hidden).sigmoid())
    assert (out.abs() <= features.abs()).all()
