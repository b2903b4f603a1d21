"""The neck of Tiny YOLOv3: the coarse level, and the fine one joined with what the coarse one knows."""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.conv import conv_norm
from lightweight_ssd.layers.darknet import SLOPE, scaled
from lightweight_ssd.layers.pyramid import enlarge

__all__ = ["TinyYOLOv3Neck"]


class TinyYOLOv3Neck(nn.Module):
    """Two levels, of strides 16 and 32 in Tiny YOLOv3.

    With `top` a 1×1 convolution of the coarse level, the coarse output is a 3×3 convolution of it; the fine output is a
    3×3 convolution of a second 1×1 convolution of `top`, enlarged, beside the fine level.

    Attributes:
        out_channels: Channels of each level: 256 and 512 at full width.

    Source: Darknet's `yolov3-tiny.cfg` (Redmon and Farhadi, 2018). Deviation: the enlarged map has exactly the size
    of the fine level, which matters for images whose sides are no multiples of 32.
    """

    def __init__(
        self, in_channels: Sequence[int], width: float = 1.0, norm_momentum: float = 0.03, norm_eps: float = 1e-5
    ) -> None:
        """Build the convolutions.

        Args:
            in_channels: Channels of each of the two levels of the backbone, the finer first.
            width: Factor on the channels of every layer, above 0.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance; the default is Darknet's.

        Raises:
            ValueError: For another number of levels than two, or a width that is not above 0.
        """
        super().__init__()
        if len(in_channels) != 2:
            raise ValueError(
                f"Expected a backbone with two levels for neck=tiny_yolov3 but got {len(in_channels)}; give "
                f"backbone=tiny_darknet_two_levels, or another neck."
            )
        conv = partial(conv_norm, slope=SLOPE, momentum=norm_momentum, eps=norm_eps)
        top, side, fine, coarse = (scaled(channels, width) for channels in (256, 128, 256, 512))
        self.top = conv(in_channels[1], top)
        self.coarse = conv(top, coarse, 3)
        self.side = conv(top, side)
        self.fine = conv(side + in_channels[0], fine, 3)
        self.out_channels: tuple[int, ...] = (fine, coarse)

    def forward(self, maps: list[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B _ _ _"]]:
        """Fuse the levels.

        Args:
            maps: Two maps, the finer first.

        Returns:
            Two maps of the same sizes.
        """
        fine, coarse = maps
        top = self.top(coarse)
        return [self.fine(torch.cat([enlarge(self.side(top), fine), fine], dim=1)), self.coarse(top)]
