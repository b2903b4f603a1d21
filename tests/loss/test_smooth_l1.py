import pytest
import torch

from lightweight_ssd.loss.smooth_l1 import SmoothL1


@pytest.mark.parametrize(
    ("beta", "expected"),
    [(1.0, 0.125 + 0 + 0.5 + 2.5), (2.0, 0.0625 + 0 + 0.25 + 2.0), (0.0, 0.5 + 0 + 1 + 3)],
)
def test_sums_the_four_coordinates(beta: float, expected: float):
    pred, target = torch.tensor([[0.5, 2.0, -1.0, 4.0]]), torch.tensor([[0.0, 2.0, 0.0, 1.0]])
    assert SmoothL1.space == "offsets"
    assert SmoothL1(beta)(pred, target).tolist() == [expected]


def test_negative_beta_is_refused():
    with pytest.raises(ValueError, match=r"beta to be at least 0, but got -1\.0"):
        SmoothL1(-1.0)
