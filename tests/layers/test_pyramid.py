"""What feature pyramids share."""

import pytest
import torch

from lightweight_ssd.layers.pyramid import check_halving, enlarge, shrink


@pytest.mark.parametrize("side", [1, 2, 3, 10, 19, 38])
def test_shrink_lands_on_half_rounded_up_and_enlarge_comes_back(side: int) -> None:
    x = torch.rand(2, 3, side, 5)
    small = shrink(x)
    assert small.shape == (2, 3, (side + 1) // 2, 3)
    assert enlarge(small, x).shape == x.shape


def test_shrink_keeps_the_largest() -> None:
    x = torch.tensor([[[[-5.0, -4.0], [-3.0, -2.0]]]])
    assert shrink(x).tolist() == [[[[-2.0]]]]  # the padding never wins


@pytest.mark.parametrize("sizes", [[(38, 1), (19, 1), (10, 1)], [(1, 1), (1, 1)], [(7, 7)], []])
def test_halving_levels_pass(sizes: list[tuple[int, int]]) -> None:
    check_halving([torch.zeros(1, 1, *size) for size in sizes], "PAN")


@pytest.mark.parametrize("sizes", [[(9, 9), (4, 4)], [(9, 8), (5, 5)], [(4, 4), (4, 4)]])
def test_other_levels_are_refused(sizes: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match=r"each level of PAN to be half of the one before but got the sizes \[\("):
        check_halving([torch.zeros(1, 1, *size) for size in sizes], "PAN")
