"""Doubling and cutting is nearest upsampling, to every size that a pyramid has."""

import pytest
import torch
from torch import nn
from torch.export import export
from torch.nn import functional as F

from lightweight_ssd.export.upsample import double_and_cut


class _Enlarge(nn.Module):
    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, size=self.size, mode="nearest")


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 4), (19, 19), (38, 37), (5, 3)])
def test_it_is_equal_and_doubles_exactly(size: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *((side + 1) // 2 for side in size))
    graph = export(_Enlarge(size), (images,)).module()
    assert double_and_cut(graph) == 1
    assert torch.equal(graph(images), F.interpolate(images, size=size, mode="nearest"))
    doubled = [node.args[1] for node in graph.graph.nodes if "upsample" in str(node.target)]
    assert doubled == [[2 * images.shape[2], 2 * images.shape[3]]]


def test_other_factors_stay() -> None:
    images = torch.rand(1, 1, 4, 4)
    graph = export(_Enlarge((7, 12)), (images,)).module()
    assert double_and_cut(graph) == 0
    assert torch.equal(graph(images), F.interpolate(images, size=(7, 12), mode="nearest"))
