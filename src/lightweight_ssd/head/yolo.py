"""YOLO's head: beside classes and box, a third convolution per level says whether an anchor has an object at all."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.predictor import check_predictors, per_anchor, predictor
from lightweight_ssd.ops.precision import at_least_float32
from lightweight_ssd.tensor_types import RawOutputs

__all__ = ["YOLOHead"]


class YOLOHead(nn.Module):
    """Predictors on each level, flattened over all of them.

    Three convolutions have exactly the weights of the original's one, whose outputs are sorted anchor by anchor.

    Source: Redmon and Farhadi, YOLO9000 (2017), section 2, and YOLOv3 (2018), section 2. Deviation: objectness starts
    at `prior`, not at a half, since nearly all of its thousands of anchors have no object.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        anchors_per_cell: Sequence[int],
        num_classes: int,
        softmax: bool = False,
        kernel_size: int = 1,
        prior: float = 0.018,
        init_std: float = 0.01,
    ) -> None:
        """Build three convolutions with bias per level.

        Args:
            in_channels: Channels of each level of the neck, finest first.
            anchors_per_cell: Anchors in a cell of each level.
            num_classes: Classes; there is no background class.
            softmax: Whether the classes exclude each other, as in YOLOv2; otherwise each is a sigmoid of its own.
            kernel_size: Side of the predictors' kernels; odd.
            prior: Objectness before training, 0 to 1 exclusive.
            init_std: Standard deviation of the predictors' weights before training.

        Raises:
            ValueError: For a prior outside 0 to 1, an even kernel or no classes.
        """
        super().__init__()
        check_predictors(num_classes, kernel_size, prior)
        self.num_classes, self.softmax = num_classes, softmax
        levels = list(zip(in_channels, anchors_per_cell, strict=True))
        bias = math.log(prior / (1 - prior))
        self.classes = nn.ModuleList(predictor(c, n * num_classes, kernel_size, init_std, 0.0) for c, n in levels)
        self.boxes = nn.ModuleList(predictor(c, n * 4, kernel_size, init_std, 0.0) for c, n in levels)
        self.objectness = nn.ModuleList(predictor(c, n, kernel_size, init_std, bias) for c, n in levels)

    def forward(
        self, maps: list[Float[Tensor, "B _ _ _"]]
    ) -> tuple[Float[Tensor, "B A C"], Float[Tensor, "B A 4"], Float[Tensor, "B A"]]:
        """Predict for every anchor, in the order of the anchors: level, row, column, anchor of the cell.

        Args:
            maps: One map per level, finest first.

        Returns:
            Class logits, box offsets and logits of objectness, over all anchors A of all levels.
        """
        logits, offsets, objectness = (
            torch.cat([per_anchor(head(x), values) for head, x in zip(heads, maps, strict=True)], dim=1)
            for heads, values in ((self.classes, self.num_classes), (self.boxes, 4), (self.objectness, 1))
        )
        return logits, offsets, objectness[..., 0]

    def scores(self, raw: RawOutputs) -> Float[Tensor, "B A C"]:
        """What the raw outputs say of each class, 0 to 1, in at least float32: objectness times class."""
        assert raw.objectness is not None
        logits = at_least_float32(raw.logits)
        classes = logits.softmax(dim=-1) if self.softmax else logits.sigmoid()
        return at_least_float32(raw.objectness).sigmoid()[..., None] * classes
