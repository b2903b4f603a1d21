"""Softmax cross-entropy against PyTorch's own, with background first or without one."""

import torch
from torch.nn.functional import cross_entropy

from lightweight_ssd.classification.softmax import SoftmaxLoss

LOGITS = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([[0, 2, -1, -2, 1], [-1, -1, 2, 0, -2]])


def test_background_is_the_first_logit() -> None:
    loss = SoftmaxLoss()(LOGITS, LABELS)
    expected = cross_entropy(LOGITS.flatten(0, 1), (LABELS + 1).clamp(min=0).flatten(), reduction="none").view(2, 5)
    torch.testing.assert_close(loss, torch.where(LABELS == -2, 0.0, expected))


def test_without_background_only_objects_cost() -> None:
    loss = SoftmaxLoss(background=False)(LOGITS, LABELS)
    expected = cross_entropy(LOGITS.flatten(0, 1), LABELS.clamp(min=0).flatten(), reduction="none").view(2, 5)
    torch.testing.assert_close(loss, torch.where(LABELS < 0, 0.0, expected))


def test_by_hand() -> None:
    loss = SoftmaxLoss()(torch.tensor([[[0.0, 0.0], [0.0, 2.0]]]), torch.tensor([[-1, 0]]))
    torch.testing.assert_close(loss, torch.tensor([[0.6931472, 0.1269280]]))


def test_what_costs_nothing_passes_no_gradient_and_half_precision_is_widened() -> None:
    logits = LOGITS.bfloat16().requires_grad_()
    loss = SoftmaxLoss()(logits, LABELS)
    assert loss.dtype == torch.float32
    loss.sum().backward()
    assert logits.grad is not None
    assert not logits.grad[LABELS == -2].any() and logits.grad[LABELS == -1].any()
