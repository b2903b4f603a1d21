"""Box offsets: boxes relative to their anchors, as the network predicts them, and the inverse.

With anchor (a_cx, a_cy, a_w, a_h), box (cx, cy, w, h) and variances (v_x, v_y, v_w, v_h)::

    t_x = (cx − a_cx) / (a_w · v_x)        t_w = ln(w / a_w) / v_w
    t_y = (cy − a_cy) / (a_h · v_y)        t_h = ln(h / a_h) / v_h

Source: the framework that section 4's training settings quote, box coder 10/10/5/5, that is variances
(0.1, 0.1, 0.2, 0.2).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from lightweight_ssd.ops.array_coding import MAX_LOG_SIZE
from lightweight_ssd.ops.boxes import EPSILON, cxcywh_to_xyxy, xyxy_to_cxcywh
from lightweight_ssd.ops.precision import at_least_float32

__all__ = ["MAX_LOG_SIZE", "decode", "encode"]


def encode(
    boxes: Float[Tensor, "*#batch 4"], anchors: Float[Tensor, "*#batch 4"], variances: Sequence[float]
) -> Float[Tensor, "... 4"]:
    """Offsets (t_x, t_y, t_w, t_h) that turn `anchors` into `boxes`; finite for boxes without area.

    Args:
        boxes: xyxy, pixels.
        anchors: xyxy, pixels, broadcast against `boxes`.
        variances: Divisors of the four offsets, (v_x, v_y, v_w, v_h).

    Example:
        >>> anchor = torch.tensor([0.0, 0.0, 10.0, 20.0])
        >>> encode(anchor + 1, anchor, (0.1, 0.1, 0.2, 0.2))
        tensor([1.0000, 0.5000, 0.0000, 0.0000])
    """
    cx, cy, width, height = xyxy_to_cxcywh(at_least_float32(boxes)).unbind(-1)
    anchor_cx, anchor_cy, anchor_width, anchor_height = _center_and_safe_size(anchors)
    # One scalar at a time: a tensor made of the variances would be copied to the device at every call.
    offsets = (
        (cx - anchor_cx) / anchor_width / variances[0],
        (cy - anchor_cy) / anchor_height / variances[1],
        (width.clamp(min=EPSILON) / anchor_width).log() / variances[2],
        (height.clamp(min=EPSILON) / anchor_height).log() / variances[3],
    )
    return torch.stack(offsets, dim=-1)


def decode(
    offsets: Float[Tensor, "*#batch 4"], anchors: Float[Tensor, "*#batch 4"], variances: Sequence[float]
) -> Float[Tensor, "... 4"]:
    """Boxes xyxy in pixels, in float32 at least, from offsets against `anchors`; the inverse of `encode`.

    Boxes are never inverted, may reach outside the image and are at most 62.5 times as wide or high as their anchor.

    Args:
        offsets: (t_x, t_y, t_w, t_h); zeros give the anchor itself.
        anchors: xyxy, pixels, broadcast against `offsets`.
        variances: Factors of the four offsets, (v_x, v_y, v_w, v_h).

    Example:
        >>> decode(torch.tensor([1.0, 0.5, 0.0, 0.0]), torch.tensor([0.0, 0.0, 10.0, 20.0]), (0.1, 0.1, 0.2, 0.2))
        tensor([ 1.,  1., 11., 21.])
    """
    shift_x, shift_y, log_width, log_height = at_least_float32(offsets).unbind(-1)
    anchor_cx, anchor_cy, anchor_width, anchor_height = _center_and_safe_size(anchors)
    boxes = (
        anchor_cx + shift_x * variances[0] * anchor_width,
        anchor_cy + shift_y * variances[1] * anchor_height,
        anchor_width * (log_width * variances[2]).clamp(max=MAX_LOG_SIZE).exp(),
        anchor_height * (log_height * variances[3]).clamp(max=MAX_LOG_SIZE).exp(),
    )
    return cxcywh_to_xyxy(torch.stack(boxes, dim=-1))


def _center_and_safe_size(anchors: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Center and size of the anchors as four tensors, the sizes at least `EPSILON` because they are divisors."""
    cx, cy, width, height = xyxy_to_cxcywh(at_least_float32(anchors)).unbind(-1)
    return cx, cy, width.clamp(min=EPSILON), height.clamp(min=EPSILON)
