"""Whether boxes overlap any of an image's objects, in little memory."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["overlaps_any"]

_AT_ONCE = 8  # objects; so many pairs of a large batch still fit into a few hundred megabytes


def overlaps_any(
    boxes: Float[Tensor, "B A 4"], objects: Float[Tensor, "B M 4"], real: Bool[Tensor, "B M"], threshold: float
) -> Bool[Tensor, "B A"]:
    """Whether the IoU of each box with any real object of its image is above a threshold.

    A few objects at a time, and without a division: IoU > t is (1 + t) · intersection > t · (area + area).

    Args:
        boxes: xyxy, pixels.
        objects: xyxy, pixels, padded to M; M = 0 is allowed.
        real: False for objects that do not count.
        threshold: 0 to 1.

    Example:
        >>> boxes = torch.tensor([[[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]]])
        >>> overlaps_any(boxes, boxes[:, :1] + 1, torch.tensor([[True]]), 0.5)
        tensor([[ True, False]])
    """
    found = torch.zeros(boxes.shape[:2], dtype=torch.bool, device=boxes.device)
    left, top, right, bottom = boxes[:, None].unbind(-1)
    area = threshold * (right - left).clamp(min=0) * (bottom - top).clamp(min=0)
    for first in range(0, objects.shape[1], _AT_ONCE):
        some = objects[:, first : first + _AT_ONCE, None]
        x1, y1, x2, y2 = torch.where(real[:, first : first + _AT_ONCE, None, None], some, 0.0).unbind(-1)
        width = (torch.minimum(right, x2) - torch.maximum(left, x1)).clamp_(min=0)
        height = (torch.minimum(bottom, y2) - torch.maximum(top, y1)).clamp_(min=0)
        least = area + threshold * (x2 - x1).clamp(min=0) * (y2 - y1).clamp(min=0)
        found |= (width.mul_(height).mul_(1 + threshold) > least).any(dim=1)
    return found
