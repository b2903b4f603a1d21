"""CFPN: a pyramid whose fused levels are fed back and fused again, so that information runs in a circle."""

from collections.abc import Sequence
from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.conv import RepeatedConvNorm, conv_norm
from lightweight_ssd.layers.pyramid import check_halving, enlarge, shrink

__all__ = ["CFPN"]


class CFPN(nn.Module):
    r"""Circle feature pyramid network.

    With `in_l` a 1×1 convolution and normalization of level l, every turn of the circle computes

        mid_7 = in_7
        mid_l = in_l + nearest(mid_{l+1}) + R(out_{l+1} of the turn before)      l = 6 … 3
        out_3 = Conv(mid_3)
        out_l = Conv(mid_l + R(mid_{l-1}))                                       l = 4 … 6
        out_7 = Conv(mid_7 + R(out_6))

    in which the feedback of the first turn is zero. `Conv` is a depthwise 3×3 and a 1×1 convolution, each
    normalized and rectified. `R` is a 1×1 convolution and normalization of its own per edge, then nearest
    upsampling to the target's exact size or max pooling 3×3 of stride 2. All turns share one set of weights; the
    running statistics of the normalization, which are no weights, are kept per turn (see `RepeatedConvNorm`).

    Attributes:
        out_channels: Channels of each level, all equal to the width.

    Source: section 3.3, equations (4) and (5), with the indices as printed. Printed as they are, they need
    themselves (mid_6 needs out_7, out_7 needs out_6, out_6 needs mid_6), so the circle is unrolled into turns.
    The paper prints neither the number of turns, nor the width, nor what Resize and Conv are.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        width: int = 192,
        circles: int = 2,
        norm_momentum: float = 0.03,
        norm_eps: float = 1e-3,
    ) -> None:
        """Build the lateral and output convolutions, the upward edges and, from two turns on, the feedback edges.

        Args:
            in_channels: Channels of each level of the backbone, finest first; two levels or more.
            width: Channels of every level of the neck.
            circles: Turns of the circle. At 1 nothing is fed back, and no edge is built that would get no gradient.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance.

        Raises:
            ValueError: For fewer than one turn or two levels.
        """
        super().__init__()
        if circles < 1:
            raise ValueError(f"Expected circles of CFPN to be 1 or more but got {circles}.")
        if len(in_channels) < 2:
            raise ValueError(f"Expected two or more levels for CFPN to fuse but got {len(in_channels)}; use neck=none.")
        lateral = partial(conv_norm, relu=False, momentum=norm_momentum, eps=norm_eps)
        self.lateral = nn.ModuleList(lateral(channels, width) for channels in in_channels)
        conv = partial(RepeatedConvNorm, width, width, uses=circles, momentum=norm_momentum, eps=norm_eps)
        edges = range(len(in_channels) - 1)
        self.depthwise = nn.ModuleList(conv(3, groups=width) for _ in in_channels)
        self.pointwise = nn.ModuleList(conv() for _ in in_channels)
        self.upward = nn.ModuleList(conv(relu=False) for _ in edges)
        self.feedback = nn.ModuleList(conv(relu=False, uses=circles - 1) for _ in edges if circles > 1)
        self.circles = circles
        self.out_channels: tuple[int, ...] = (width,) * len(in_channels)

    def forward(self, maps: list[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B _ _ _"]]:
        """Fuse the levels, turn by turn.

        Args:
            maps: One map per level, finest first, each half the size of the one before, rounded up.

        Returns:
            One map per level, of the same sizes.

        Raises:
            ValueError: If the sizes do not halve.
        """
        check_halving(maps, "CFPN")
        inputs = [lateral(level) for lateral, level in zip(self.lateral, maps, strict=True)]
        outputs: list[Tensor] = []
        for turn in range(self.circles):
            outputs = self._turn(inputs, outputs, turn)
        return outputs

    def _turn(self, inputs: list[Tensor], before: list[Tensor], turn: int) -> list[Tensor]:
        """Run equations (4) and (5) once; `before` are the outputs of the turn before, empty in the first."""
        mid, top = list(inputs), len(inputs) - 1
        for level in reversed(range(top)):
            mid[level] = inputs[level] + enlarge(mid[level + 1], inputs[level])
            if before:
                mid[level] = mid[level] + enlarge(self.feedback[level](before[level + 1], turn - 1), inputs[level])
        outputs = [self._conv(mid[0], 0, turn)]
        for level in range(1, top + 1):
            below = outputs[-1] if level == top else mid[level - 1]
            outputs.append(self._conv(mid[level] + shrink(self.upward[level - 1](below, turn)), level, turn))
        return outputs

    def _conv(self, x: Tensor, level: int, turn: int) -> Tensor:
        return self.pointwise[level](self.depthwise[level](x, turn), turn)
