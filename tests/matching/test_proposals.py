"""Matching of both stages against torchvision's `Matcher` on random boxes."""

import pytest
import torch
from torch import Tensor
from torchvision.models.detection._utils import Matcher as TorchvisionsMatcher
from torchvision.ops import box_iou

from lightweight_ssd.matching.iou import IoUMatcher
from lightweight_ssd.matching.proposals import ProposalMatcher


def random_boxes(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner, side = torch.rand(count, 2, generator=generator) * 80, torch.rand(count, 2, generator=generator) * 60 + 1
    return torch.cat([corner, corner + side], dim=1)


def random_batch(seed: int, images: int = 3, most: int = 9) -> tuple[Tensor, Tensor]:
    counts = torch.randint(1, most + 1, (images, 1), generator=torch.Generator().manual_seed(seed))
    boxes = torch.stack([random_boxes(most, 100 * seed + image) for image in range(images)])
    real = torch.arange(most) < counts
    return torch.where(real[..., None], boxes, 0.0), torch.where(real, 0, -1)


@pytest.mark.parametrize("seed", range(5))
def test_a_second_stage_matches_as_torchvision(seed: int) -> None:
    boxes, labels = random_batch(seed)
    proposals = torch.stack([random_boxes(200, 1000 * seed + image) for image in range(len(boxes))])
    found = ProposalMatcher(0.5)(proposals, boxes, labels)
    theirs = TorchvisionsMatcher(0.5, 0.5, allow_low_quality_matches=False)
    for image, (known, own) in enumerate(zip(boxes, proposals, strict=True)):
        assert torch.equal(found[image], theirs(box_iou(known[labels[image] >= 0], own)))
    assert (found >= 0).any()


@pytest.mark.parametrize("seed", range(5))
def test_a_first_stage_matches_as_torchvision_but_keeps_one_best_anchor_above_a_limit(seed: int) -> None:
    boxes, labels = random_batch(seed)
    anchors = random_boxes(400, seed + 50)
    found = IoUMatcher(0.7, background_below=0.3, keep_best_above=0.3)(anchors, boxes, labels)
    theirs = TorchvisionsMatcher(0.7, 0.3, allow_low_quality_matches=False)
    for image, known in enumerate(boxes):
        overlap = box_iou(known[labels[image] >= 0], anchors)
        expected, best = theirs(overlap), overlap.argmax(dim=1)
        # torchvision keeps a best anchor for the object that it overlaps most, here it is kept for whose best it is
        for truth, anchor in sorted(enumerate(best.tolist()), key=lambda pair: float(overlap[pair[0], pair[1]])):
            if overlap[truth, anchor] > 0.3:
                expected[anchor] = truth
        assert torch.equal(found[image], expected)
    assert (found == -2).any() and (found == -1).any() and (found >= 0).any()


def test_padding_learns_nothing_and_nothing_is_learned_without_objects() -> None:
    proposals = torch.tensor([[[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 0.0, 0.0]]])
    box = torch.tensor([[[1.0, 0.0, 11.0, 10.0]]])
    matcher = ProposalMatcher()
    assert matcher(proposals, box, torch.tensor([[4]])).tolist() == [[0, -2]]
    assert matcher(proposals, box, torch.tensor([[-2]])).tolist() == [[-2, -2]]
    assert matcher(proposals, torch.zeros(1, 0, 4), torch.zeros(1, 0).long()).tolist() == [[-1, -2]]


@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_thresholds_out_of_range(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold of the matcher above 0 and at most 1"):
        ProposalMatcher(threshold)
