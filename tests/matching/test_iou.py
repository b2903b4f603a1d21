"""Matching by overlap is that of `ops.matching`, whose tests hold the rules."""

import pytest
import torch

from lightweight_ssd.matching.iou import IoUMatcher
from lightweight_ssd.ops.matching import match


@pytest.mark.parametrize("threshold", [0.3, 0.5, 1.0])
def test_it_is_the_rule_with_its_threshold(threshold: float) -> None:
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(2, 30, 2, generator=generator) * 50
    boxes = torch.cat([corner, corner + 5 + 20 * torch.rand(2, 30, 2, generator=generator)], dim=-1)
    anchors, objects, labels = boxes[0], boxes[:, :6] + 2, torch.tensor([[0, 1, 2, -1, -2, 0]] * 2)
    matches = IoUMatcher(threshold)(anchors, objects, labels)
    assert torch.equal(matches, match(anchors, objects, labels, threshold))
    assert torch.equal(IoUMatcher(threshold)(anchors, objects, labels, torch.ones(30, 2)), matches), (
        "cells don't matter"
    )
    assert {-1, 0} < set(matches.flatten().tolist())


@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_a_threshold_out_of_range_is_named(threshold: float) -> None:
    with pytest.raises(ValueError, match=f"threshold of the matcher above 0 and at most 1, but got {threshold}"):
        IoUMatcher(threshold)
