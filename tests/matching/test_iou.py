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


def test_between_two_thresholds_an_anchor_learns_nothing() -> None:
    anchors = torch.tensor(
        [[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 5.0], [0.0, 0.0, 10.0, 2.0], [20.0, 20.0, 30.0, 30.0]]
    )
    boxes, labels = torch.tensor([[[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 26.0, 26.0]]]), torch.tensor([[3, 4]])
    assert IoUMatcher(0.7, 0.3)(anchors, boxes, labels).tolist() == [[0, -2, -1, 1]]
    assert IoUMatcher(0.7, 0.3, None)(anchors, boxes, labels).tolist() == [[0, -2, -1, -2]]
    assert IoUMatcher(0.7, 0.3, 0.5)(anchors, boxes, labels).tolist() == [[0, -2, -1, -2]], "an IoU of 0.36"


def test_between_two_thresholds_an_object_to_be_ignored_is_no_background_either() -> None:
    anchors, boxes = torch.tensor([[0.0, 0.0, 10.0, 5.0]]), torch.tensor([[[0.0, 0.0, 10.0, 10.0]]])
    assert IoUMatcher(0.7, 0.3, None)(anchors, boxes, torch.tensor([[-2]])).tolist() == [[-2]]
    assert IoUMatcher(0.7)(anchors, boxes, torch.tensor([[-2]])).tolist() == [[-1]]


def test_each_image_may_have_anchors_of_its_own() -> None:
    generator = torch.Generator().manual_seed(1)
    corner = torch.rand(3, 20, 2, generator=generator) * 50
    anchors = torch.cat([corner, corner + 5 + 20 * torch.rand(3, 20, 2, generator=generator)], dim=-1)
    boxes, labels = anchors[:, :4] + 1, torch.tensor([[0, 1, 2, -1]] * 3)
    together = IoUMatcher()(anchors, boxes, labels)
    alone = [IoUMatcher()(anchors[i], boxes[i : i + 1], labels[i : i + 1])[0] for i in range(3)]
    assert torch.equal(together, torch.stack(alone))


@pytest.mark.parametrize(("setting", "value"), [("background_below", 0.8), ("keep_best_above", -0.1)])
def test_another_setting_out_of_range_is_named(setting: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"Expected {setting} of the matcher from 0 to .* but got {value}"):
        IoUMatcher(0.7, **{setting: value})
