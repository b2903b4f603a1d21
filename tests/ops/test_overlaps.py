"""Whether boxes overlap any object, against the IoU of all pairs."""

import pytest
import torch

from lightweight_ssd.ops.boxes import pairwise_iou
from lightweight_ssd.ops.overlaps import overlaps_any


@pytest.mark.parametrize("objects", [0, 8, 21])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.7])
def test_it_is_the_best_iou_of_all_pairs(objects: int, threshold: float) -> None:
    generator = torch.Generator().manual_seed(objects)
    corner = torch.rand(2, 200 + objects, 2, generator=generator) * 30
    boxes = torch.cat([corner, corner + 40 * torch.rand(corner.shape, generator=generator) - 2], dim=-1)
    real = torch.rand(2, objects, generator=generator) < 0.7
    boxes, truths = boxes[:, :200], boxes[:, 200:]
    iou = torch.where(real[:, None], pairwise_iou(boxes, truths), -1.0)
    expected = torch.cat([iou, iou.new_full((2, 200, 1), -1.0)], dim=2).amax(dim=2) > threshold
    assert torch.equal(overlaps_any(boxes, truths, real, threshold), expected)
    assert bool(expected.any()) == (objects > 1)


def test_what_is_not_a_number_overlaps_nothing() -> None:
    box = torch.tensor([[[0.0, 0.0, 10.0, 10.0]]])
    assert not overlaps_any(torch.full((1, 1, 4), torch.nan), box, torch.tensor([[True]]), 0.0).any()
