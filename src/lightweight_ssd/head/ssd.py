"""SSD's head: one convolution per level says the classes of every anchor, another where its box lies."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.predictor import check_predictors, per_anchor, predictor
from lightweight_ssd.ops.precision import at_least_float32
from lightweight_ssd.tensor_types import RawOutputs

__all__ = ["SSDHead"]


class SSDHead(nn.Module):
    """Predictors on each level, flattened over all of them.

    Source: the defaults of the framework that section 4 quotes. Classes are sigmoids without a background class,
    and at the start each says `prior`, so that the focal loss of the many anchors without an object stays small
    (Lin et al., 2017). With `background` the head is that of Liu et al., "SSD", 2016: a softmax over the background,
    which comes first, and the classes. Deviation: there background and classes start alike; here the background has
    what the classes leave.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        anchors_per_cell: Sequence[int],
        num_classes: int,
        kernel_size: int = 1,
        prior: float = 0.01,
        init_std: float = 0.01,
        background: bool = False,
    ) -> None:
        """Build two convolutions with bias per level.

        Args:
            in_channels: Channels of each level of the neck, finest first.
            anchors_per_cell: Anchors in a cell of each level.
            num_classes: Classes, background not counted.
            kernel_size: Side of the predictors' kernels; odd.
            prior: Score of every class before training, 0 to 1 exclusive; with `background` at most an equal share of
                all outputs.
            init_std: Standard deviation of the predictors' weights before training.
            background: Whether there is one more logit, the first, for the background, and scores are a softmax.

        Raises:
            ValueError: For a prior outside 0 to 1, an even kernel or no classes.
        """
        super().__init__()
        check_predictors(num_classes, kernel_size, prior)
        self.num_classes, self.background = num_classes, background
        levels = list(zip(in_channels, anchors_per_cell, strict=True))
        bias, outputs = 0.0 if background else math.log(prior / (1 - prior)), num_classes + background
        self.classes = nn.ModuleList(predictor(c, n * outputs, kernel_size, init_std, bias) for c, n in levels)
        self.boxes = nn.ModuleList(predictor(c, n * 4, kernel_size, init_std, 0.0) for c, n in levels)
        if background:
            _favor_background(self.classes, outputs, prior)

    def forward(self, maps: list[Float[Tensor, "B _ _ _"]]) -> tuple[Float[Tensor, "B A C"], Float[Tensor, "B A 4"]]:
        """Predict for every anchor, in the order of the anchors: level, row, column, anchor of the cell.

        Args:
            maps: One map per level, finest first.

        Returns:
            Class logits and box offsets, over all anchors A of all levels; with `background` its logit comes first.
        """
        values = self.num_classes + self.background
        logits = [per_anchor(head(x), values) for head, x in zip(self.classes, maps, strict=True)]
        offsets = [per_anchor(head(x), 4) for head, x in zip(self.boxes, maps, strict=True)]
        return torch.cat(logits, dim=1), torch.cat(offsets, dim=1)

    def scores(self, raw: RawOutputs) -> Float[Tensor, "B A C"]:
        """What the raw outputs say of each class, 0 to 1, in at least float32.

        Independent sigmoids, or the softmax with the background, which is left out.
        """
        logits = at_least_float32(raw.logits)
        return logits.softmax(dim=-1)[..., 1:] if self.background else logits.sigmoid()


@torch.no_grad()
def _favor_background(predictors: nn.ModuleList, outputs: int, prior: float) -> None:
    """Raise the first of the outputs of each anchor, so that every other one has `prior`, or an equal share if less."""
    share = min(prior, 1 / outputs)
    for conv in predictors:
        bias: Any = conv.bias
        bias[::outputs] = math.log((1 - (outputs - 1) * share) / share)
