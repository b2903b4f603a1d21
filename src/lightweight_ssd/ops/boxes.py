"""Geometry of axis-aligned boxes: formats, areas, overlaps, enclosing boxes.

Boxes are xyxy in pixels, x to the right and y down, continuous coordinates. Every function takes any leading
dimensions and broadcasts them. Values and gradients are finite for zero-area, inverted (x2 < x1) and huge boxes: an
inverted side counts as length 0, and a quotient never divides by less than `EPSILON`.
"""

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = [
    "EPSILON",
    "area",
    "cxcywh_to_xyxy",
    "elementwise_iou",
    "enclosing_box",
    "intersection_and_union",
    "pairwise_iou",
    "squared_diagonal",
    "xyxy_to_cxcywh",
]

EPSILON: Final = 1e-7
"""Least divisor, in pixels or square pixels: far below any real box, and far above the value at which a float32
reciprocal overflows."""


def xyxy_to_cxcywh(boxes: Float[Tensor, "... 4"]) -> Float[Tensor, "... 4"]:
    """Corners to center and size.

    Example:
        >>> xyxy_to_cxcywh(torch.tensor([10.0, 20.0, 30.0, 60.0]))
        tensor([20., 40., 20., 40.])
    """
    corner, opposite = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(corner + opposite) / 2, opposite - corner], dim=-1)


def cxcywh_to_xyxy(boxes: Float[Tensor, "... 4"]) -> Float[Tensor, "... 4"]:
    """Center and size to corners.

    Example:
        >>> cxcywh_to_xyxy(torch.tensor([20.0, 40.0, 20.0, 40.0]))
        tensor([10., 20., 30., 60.])
    """
    center, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([center - half, center + half], dim=-1)


def area(boxes: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
    """Area in square pixels, 0 for an inverted box.

    Example:
        >>> area(torch.tensor([[0.0, 0.0, 2.0, 3.0], [5.0, 5.0, 4.0, 9.0]]))
        tensor([6., 0.])
    """
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0)
    return sides[..., 0] * sides[..., 1]


def intersection_and_union(
    first: Float[Tensor, "*#batch 4"], second: Float[Tensor, "*#batch 4"]
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
    """Areas in square pixels of the intersection and of the union of two boxes, pair by pair.

    Example:
        >>> intersection_and_union(torch.tensor([0.0, 0.0, 2.0, 2.0]), torch.tensor([1.0, 0.0, 4.0, 2.0]))
        (tensor(2.), tensor(8.))
    """
    corner = torch.maximum(first[..., :2], second[..., :2])
    opposite = torch.minimum(first[..., 2:], second[..., 2:])
    sides = (opposite - corner).clamp(min=0)
    intersection = sides[..., 0] * sides[..., 1]
    return intersection, area(first) + area(second) - intersection


def elementwise_iou(first: Float[Tensor, "*#batch 4"], second: Float[Tensor, "*#batch 4"]) -> Float[Tensor, "..."]:
    """Intersection over union, pair by pair, in [0, 1]; 0 where either box has no area.

    Example:
        >>> elementwise_iou(torch.tensor([0.0, 0.0, 2.0, 2.0]), torch.tensor([1.0, 0.0, 4.0, 2.0]))
        tensor(0.2500)
    """
    intersection, union = intersection_and_union(first, second)
    return intersection / union.clamp(min=EPSILON)


def pairwise_iou(first: Float[Tensor, "*#batch N 4"], second: Float[Tensor, "*#batch M 4"]) -> Float[Tensor, "... N M"]:
    """Intersection over union of every box of `first` with every box of `second`; N = 0 and M = 0 are allowed.

    Example:
        >>> square = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
        >>> pairwise_iou(square, torch.tensor([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 4.0, 2.0], [9.0, 9.0, 9.0, 9.0]]))
        tensor([[1.0000, 0.2500, 0.0000]])
    """
    return elementwise_iou(first[..., :, None, :], second[..., None, :, :])


def enclosing_box(first: Float[Tensor, "*#batch 4"], second: Float[Tensor, "*#batch 4"]) -> Float[Tensor, "... 4"]:
    """Smallest upright box that holds every corner of both boxes, pair by pair.

    Opposite corners are compared too, so that an inverted box is still inside and no difference between two
    coordinates exceeds the side of the result.

    Example:
        >>> enclosing_box(torch.tensor([0.0, 0.0, 2.0, 2.0]), torch.tensor([1.0, -1.0, 4.0, 2.0]))
        tensor([ 0., -1.,  4.,  2.])
    """
    low = torch.minimum(torch.minimum(first[..., :2], first[..., 2:]), torch.minimum(second[..., :2], second[..., 2:]))
    high = torch.maximum(torch.maximum(first[..., :2], first[..., 2:]), torch.maximum(second[..., :2], second[..., 2:]))
    return torch.cat([low, high], dim=-1)


def squared_diagonal(boxes: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
    """Square of the diagonal, square pixels: `c²` of equations (6) to (8).

    Example:
        >>> squared_diagonal(torch.tensor([1.0, 1.0, 4.0, 5.0]))
        tensor(25.)
    """
    return (boxes[..., 2:] - boxes[..., :2]).square().sum(dim=-1)
