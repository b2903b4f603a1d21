"""Plain sigmoid cross-entropy by hand."""

import math

import pytest
import torch

from lightweight_ssd.classification.sigmoid import SigmoidLoss


def test_by_hand() -> None:
    logits = torch.tensor([[[math.log(3), 0.0], [math.log(3), 0.0], [5.0, 5.0]]])
    loss = SigmoidLoss()(logits, torch.tensor([[0, -1, -2]]))
    half = math.log(2)
    assert loss[0].tolist() == pytest.approx([-math.log(0.75) + half, -math.log(0.25) + half, 0.0])


def test_half_precision_and_no_anchors() -> None:
    labels = torch.zeros(2, 0, dtype=torch.int64)
    assert SigmoidLoss()(torch.zeros(2, 0, 3, dtype=torch.bfloat16), labels).dtype == torch.float32
