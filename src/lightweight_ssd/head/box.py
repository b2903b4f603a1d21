"""The head of a second stage: fully connected layers say of each proposal what it holds, and where that lies."""

import math
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.ops.precision import at_least_float32
from lightweight_ssd.tensor_types import RawOutputs

__all__ = ["BoxHead"]


class BoxHead(nn.Module):
    """Hidden layers, each rectified, then one for the classes and one for the box.

    Attributes:
        background: Whether a class for background stands before the others.

    Source: Girshick, "Fast R-CNN", 2015, section 2: softmax with background, a box for each class.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        hidden: Sequence[int] = (1024,),
        dropout: float = 0.0,
        background: bool = True,
        per_class: bool = False,
    ) -> None:
        """Build the layers.

        Args:
            in_features: Features of a proposal.
            num_classes: Classes, background not counted.
            hidden: Outputs of each hidden layer.
            dropout: Share of the outputs of each hidden layer that training leaves out, 0 to below 1.
            background: True = the scores are a softmax over the classes and background; false = a sigmoid per class.
            per_class: True = each class has a box of its own, background, too, whose box is never used.

        Raises:
            ValueError: For a dropout outside 0 to 1, or no classes.
        """
        super().__init__()
        if not 0 <= dropout < 1:
            raise ValueError(f"Expected detector.head.dropout from 0 to below 1 but got {dropout}.")
        if num_classes < 1:
            raise ValueError(f"Expected one class or more but got {num_classes}.")
        widths = [in_features, *hidden]
        layers = [_hidden(*pair, dropout) for pair in zip(widths[:-1], hidden, strict=True)]
        self.hidden = nn.Sequential(*(layer for each in layers for layer in each))
        outputs = num_classes + background
        self.classes = _output(widths[-1], outputs, 0.01)
        self.boxes = _output(widths[-1], 4 * outputs if per_class else 4, 0.001)
        self.background, self.per_class = background, per_class

    def forward(
        self, features: Float[Tensor, "N _"]
    ) -> tuple[Float[Tensor, "N _"], Float[Tensor, "N 4"] | Float[Tensor, "N _ 4"]]:
        """Predict for every proposal.

        Args:
            features: Of the proposals of all images.

        Returns:
            Class logits, that of background first where there is one, and offsets: one per proposal, or one per
            proposal and class, background left out.
        """
        x = self.hidden(features)
        logits, offsets = self.classes(x), self.boxes(x)
        return logits, offsets.unflatten(1, (-1, 4))[:, int(self.background) :] if self.per_class else offsets

    def scores(self, raw: RawOutputs) -> Float[Tensor, "B A C"]:
        """What the raw outputs say of each class, 0 to 1, in at least float32."""
        logits = at_least_float32(raw.logits)
        return logits.softmax(dim=-1)[..., 1:] if self.background else logits.sigmoid()


def _hidden(in_features: int, out_features: int, dropout: float) -> list[nn.Module]:
    layer = _output(in_features, out_features, math.sqrt(2 / in_features))
    return [layer, nn.ReLU(inplace=True), *([nn.Dropout(dropout)] if dropout else [])]


def _output(in_features: int, out_features: int, std: float) -> nn.Linear:
    layer = nn.Linear(in_features, out_features)
    nn.init.normal_(layer.weight, std=std)
    nn.init.zeros_(layer.bias)
    return layer
