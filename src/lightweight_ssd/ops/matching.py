"""Which anchor learns which ground truth, for a whole batch at once.

Nothing here waits for the device (no `.item()`, no boolean indexing) or loops over images, so that matching costs a
few kernels on a GPU and compiles into one graph.
"""

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from lightweight_ssd.ops.boxes import pairwise_iou
from lightweight_ssd.types import OTHER_CLASS

__all__ = ["match"]


def match(
    anchors: Float[Tensor, "A 4"] | Float[Tensor, "B A 4"],
    boxes: Float[Tensor, "B M 4"],
    labels: Int[Tensor, "B M"],
    threshold: float,
    background_below: float | None = None,
    keep_best_above: float | None = 0.0,
) -> Int64[Tensor, "B A"]:
    """Give each anchor the ground truth that it overlaps best, and each ground truth at least its best anchor.

    1. An anchor takes the ground truth of its highest IoU if that is at least `threshold` (ties: the lower index).
    2. A ground truth keeps the anchor of its highest IoU (ties: the lower index) even below the threshold and even if
       that anchor took another in step 1, as long as they overlap by more than `keep_best_above`. Where several ground
       truths share one best anchor, the higher IoU wins (ties: the lower index) and the others have only what step 1
       left them.

    A ground truth that overlaps no anchor (of zero area, or outside of all of them) is matched to nothing. An anchor
    that takes none and overlaps an object to be ignored by at least `threshold` is no background either. With
    `background_below`, neither is one that takes none and overlaps any object, ignored or not, by that much or more.

    Args:
        anchors: xyxy, pixels of the network's input; the same for all images, or each image's own.
        boxes: Ground truths, xyxy, pixels of the network's input, padded to M; M = 0 is allowed.
        labels: Class index from 0; −1 marks padding, which is never matched, and `OTHER_CLASS` (−2) objects to be
            ignored.
        threshold: Least IoU of step 1, above 0, at most 1.
        background_below: IoU below which an anchor without an object is background, at most `threshold`; None = always.
        keep_best_above: IoU above which step 2 holds, from 0; None = no ground truth keeps its best anchor.

    Returns:
        Index into the M ground truths of each anchor's image, or −1 for background, or −2 for nothing to learn.

    Example:
        >>> anchors = torch.tensor([[0.0, 0.0, 10.0, 10.0], [10.0, 0.0, 20.0, 10.0], [50.0, 50.0, 60.0, 60.0]])
        >>> boxes = torch.tensor([[[1.0, 0.0, 11.0, 10.0], [0.0, 0.0, 0.0, 0.0]]])
        >>> match(anchors, boxes, torch.tensor([[7, -1]]), threshold=0.5)
        tensor([[ 0, -1, -1]])

    Source: Reading of section 4: IoU ≥ 0.5 and always the best anchor.
    """
    overlap = pairwise_iou(boxes, anchors)
    iou = torch.where((labels >= 0)[..., None], overlap, -1.0)
    if iou.numel() == 0:
        return labels.new_full((boxes.shape[0], anchors.shape[-2]), -1, dtype=torch.int64)
    best_iou, best_truth = iou.max(dim=1)
    no_background = threshold if background_below is None else background_below
    ignored = torch.where((labels == OTHER_CLASS)[..., None], overlap, -1.0).amax(dim=1) >= no_background
    if background_below is not None:
        ignored = ignored | (best_iou >= background_below)
    background = torch.where(ignored, OTHER_CLASS, -1)
    matches = torch.where(best_iou >= threshold, best_truth, background)
    if keep_best_above is None:
        return matches
    claims = _best_anchor_claims(iou, keep_best_above)
    return torch.where(claims >= 0, claims, matches)


def _best_anchor_claims(iou: Float[Tensor, "B M A"], above: float) -> Int64[Tensor, "B A"]:
    """For each anchor the ground truth that keeps it as its best one, or −1.

    Scattering maxima and minima gives one result in whatever order a GPU runs it, even where indices repeat.
    """
    batch, truths, anchors = iou.shape
    best_iou, best_anchor = iou.max(dim=2)
    winning_iou = iou.new_zeros(batch, anchors).scatter_reduce(1, best_anchor, best_iou, "amax")
    wins = (best_iou > above) & (best_iou == winning_iou.gather(1, best_anchor))
    index = torch.where(wins, torch.arange(truths, device=iou.device), truths)
    claims = torch.full_like(winning_iou, truths, dtype=torch.int64).scatter_reduce(1, best_anchor, index, "amin")
    return torch.where(claims < truths, claims, -1)
