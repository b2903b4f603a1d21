"""CEM: the formula, the count, any number of levels."""

import pytest
import torch

from lightweight_ssd.neck.cem import CEM


def test_it_has_the_parameters_of_thundernet() -> None:
    assert sum(weight.numel() for weight in CEM((120, 512)).parameters()) == 281_015


def test_it_sums_levels_and_context() -> None:
    neck = CEM((2, 3), channels=4)
    fine, top = torch.rand(2, 2, 5, 3), torch.rand(2, 3, 3, 2)
    (out,) = neck([fine, top])
    enlarged = top[:, :, [0, 0, 1, 1, 2]][:, :, :, [0, 0, 1]]
    expected = neck.levels[0](fine) + neck.levels[1](enlarged) + neck.context(top.mean((2, 3), keepdim=True))
    torch.testing.assert_close(out, expected)
    assert neck.out_channels == (4,)


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_every_level_of_a_backbone_learns(levels: int) -> None:
    neck = CEM((3,) * levels, channels=2)
    (out,) = neck([torch.rand(1, 3, max(1, 16 >> level), max(1, 16 >> level)) for level in range(levels)])
    out.sum().backward()
    assert out.shape == (1, 2, 16, 16)
    assert all(weight.grad is not None and weight.grad.any() for weight in neck.parameters())
