"""The error of each anchor between its predicted box and its object, in the space that a localization loss is for."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from lightweight_ssd.ops.precision import at_least_float32

__all__ = ["Space", "matched_boxes", "matched_error", "space_of"]

Space = Literal["boxes", "offsets"]
"""What a localization loss compares."""


def space_of(localization: nn.Module) -> Space:
    """What a localization loss compares: boxes (xyxy, pixels) or offsets (encoded against the anchors).

    Raises:
        ValueError: Its attribute `space` names neither.
    """
    space = getattr(localization, "space", None)
    if space not in ("boxes", "offsets"):
        name = type(localization).__name__
        raise ValueError(f"Expected {name}.space to be 'boxes' or 'offsets', but got {space!r}.")
    return space


def matched_boxes(boxes: Float[Tensor, "B M 4"], matches: Int64[Tensor, "B A"]) -> Float[Tensor, "B A 4"]:
    """Ground truth box of each anchor; of zeros where it has none, which are the rows of −2 and −1 put in front."""
    padded = nn.functional.pad(boxes, (0, 0, 2, 0))
    return padded.gather(1, (matches + 2)[..., None].expand(-1, -1, 4))


def matched_error(
    localization: Callable[[Tensor, Tensor], Tensor],
    space: Space,
    coder: Any,
    offsets: Float[Tensor, "B A 4"],
    anchors: Float[Tensor, "A 4"] | Float[Tensor, "B A 4"],
    cells: Float[Tensor, "A 2"] | Float[Tensor, "B A 2"] | None,
    boxes: Float[Tensor, "B M 4"],
    matches: Int64[Tensor, "B A"],
) -> Float[Tensor, "B A"]:
    """Localization loss of each anchor, 0 where unmatched.

    An unmatched anchor is compared with itself on both sides: masking the result alone would let the NaN of an
    overflow pass, since the gradient of `where` is 0 · NaN there.

    Args:
        localization: Loss of `(prediction (..., 4), target (..., 4))` to `(...)`.
        space: Of the loss; see `space_of`.
        coder: Of the boxes; see `coding.coder`.
        offsets: As predicted.
        anchors: xyxy, pixels.
        cells: Of the anchors, for coders that count in cells.
        boxes: Ground truths, xyxy, pixels.
        matches: Ground truth of each anchor, below 0 where it has none.
    """
    matched = (matches >= 0)[..., None]
    offsets = torch.where(matched, at_least_float32(offsets), 0.0)
    targets = torch.where(matched, matched_boxes(boxes, matches), anchors)
    if space == "boxes":
        loss = localization(coder.decode(offsets, anchors, cells), targets)
    else:
        loss = localization(offsets, coder.encode(targets, anchors, cells))
    return torch.where(matched[..., 0], loss, 0.0)
