import torch

from lightweight_ssd.loss.l2 import L2


def test_sums_the_squares_of_the_four_coordinates():
    pred, target = torch.tensor([[1.0, 2.0, 3.0, 4.0]]), torch.tensor([[0.0, 0.0, 3.0, 7.0]])
    assert L2.space == "offsets"
    assert L2()(pred, target).tolist() == [1 + 4 + 0 + 9]
