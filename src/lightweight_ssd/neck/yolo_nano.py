"""The neck of YOLO Nano: a feature pyramid of its backbone's blocks."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.darknet import scaled
from lightweight_ssd.layers.pyramid import enlarge
from lightweight_ssd.layers.yolo_nano import EP, PEP, Conv, Factors, stack

__all__ = ["YOLONanoNeck"]


class YOLONanoNeck(nn.Module):
    """Three levels, of strides 8, 16 and 32 in YOLO Nano; each finer one is joined with the one above, enlarged.

    Attributes:
        out_channels: Channels of each level: 93, 183 and 462 at full width.

    Source: Wong et al., "YOLO Nano", 2019, figure 2; see the backbone for the factors.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        ep_expansion: float = 2.0,
        pep_expansion: float = 2.0,
        width: float = 1.0,
        norm_momentum: float = 0.03,
        norm_eps: float = 1e-5,
    ) -> None:
        """Build the blocks.

        Args:
            in_channels: Channels of each of the three levels of the backbone, finest first.
            ep_expansion: Channels of the depthwise convolution of an EP block, as a multiple of its input's.
            pep_expansion: The same of a PEP block, as a multiple of its first projection's.
            width: Factor on the channels of every layer, above 0.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance.

        Raises:
            ValueError: For another number of levels than three, or a factor that is not above 0.
        """
        super().__init__()
        if len(in_channels) != 3:
            raise ValueError(
                f"Expected a backbone with three levels for neck=yolo_nano but got {len(in_channels)}; give "
                f"backbone=yolo_nano, or another neck."
            )
        factors = Factors(width, ep_expansion, pep_expansion, norm_momentum, norm_eps)
        fine, middle, coarse = in_channels
        above, below = scaled(105, width), scaled(98, width)
        self.top = stack(coarse, [Conv(105)], factors)
        self.middle = stack(above + middle, [PEP(113, 325), PEP(99, 207), Conv(98)], factors)
        self.side = stack(below, [Conv(47)], factors)
        fine_plan = [PEP(58, 122), PEP(52, 87), PEP(47, 93)]
        self.outputs = nn.ModuleList(
            [
                stack(scaled(47, width) + fine, fine_plan, factors),
                stack(below, [EP(183)], factors),
                stack(coarse, [EP(462)], factors),
            ]
        )
        self.out_channels: tuple[int, ...] = tuple(scaled(channels, width) for channels in (93, 183, 462))

    def forward(self, maps: list[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B _ _ _"]]:
        """Fuse the levels from coarse to fine.

        Args:
            maps: Three maps, finest first.

        Returns:
            Three maps of the same sizes.
        """
        fine, middle, coarse = maps
        middle = self.middle(torch.cat([enlarge(self.top(coarse), middle), middle], dim=1))
        fine = torch.cat([enlarge(self.side(middle), fine), fine], dim=1)
        return [output(level) for output, level in zip(self.outputs, (fine, middle, coarse), strict=True)]
