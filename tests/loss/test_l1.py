import torch

from lightweight_ssd.loss.l1 import L1


def test_it_is_the_sum_of_four_absolute_errors() -> None:
    pred = torch.tensor([[1.0, -2.0, 0.5, 3.0]], requires_grad=True)
    loss = L1()(pred, torch.tensor([[0.0, 1.0, 0.5, 5.0]]))
    assert loss.tolist() == [6.0] and L1.space == "offsets"
    loss.sum().backward()
    assert pred.grad is not None and pred.grad.tolist() == [[1.0, -1.0, 0.0, -1.0]]


def test_it_computes_in_float32() -> None:
    assert L1()(torch.zeros(2, 4, dtype=torch.bfloat16), torch.ones(2, 4)).dtype == torch.float32
