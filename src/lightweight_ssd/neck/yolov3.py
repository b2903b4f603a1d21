"""YOLOv3's neck: from coarse to fine, each level takes in what the coarser one knows, then says its own."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.conv import conv_norm
from lightweight_ssd.layers.pyramid import enlarge

__all__ = ["YOLOv3Neck"]


class YOLOv3Neck(nn.Module):
    """A set of five convolutions per level, which goes on to the finer level and, by one more, to the head.

    With w_l half of the channels that the backbone gives level l, for the levels from coarse to fine:

        in_7 = C_7;  in_l = concat(nearest(1×1(w_l)(set_{l+1})), C_l)
        set_l = 1×1(w_l), 3×3(2 w_l), 1×1(w_l), 3×3(2 w_l), 1×1(w_l) of in_l;    out_l = 3×3(2 w_l) of set_l

    each normalized, with a leaking rectifier. It holds for any number of levels, and every layer is used.

    Attributes:
        out_channels: Channels of each level: twice w_l.

    Source: Redmon and Farhadi, YOLOv3 (2018), section 2.3; the widths are those of Darknet's `yolov3.cfg`, 128, 256 and
    512, which are half of its backbone's channels. Deviation: upsampling to the exact size of the finer level, where
    the original doubles, so that sides need not be multiples of 32; and `separable`, which is no part of the original.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        separable: bool = False,
        slope: float = 0.1,
        norm_momentum: float = 0.03,
        norm_eps: float = 1e-5,
    ) -> None:
        """Build the convolutions of each level.

        Args:
            in_channels: Channels of each level of the backbone, finest first; 2 or more.
            separable: Whether each 3×3 convolution is a depthwise one and a 1×1 one.
            slope: Of the rectifiers below 0.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance; the default is Darknet's.
        """
        super().__init__()
        conv = partial(conv_norm, slope=slope, momentum=norm_momentum, eps=norm_eps)
        wide = partial(_separable if separable else _full, conv)
        widths = [max(channels // 2, 1) for channels in in_channels]
        coarser = [*widths[:-1], 0]  # channels that come from the coarser level
        self.sets = nn.ModuleList(
            nn.Sequential(conv(c + up, w), wide(w, 2 * w), conv(2 * w, w), wide(w, 2 * w), conv(2 * w, w))
            for c, up, w in zip(in_channels, coarser, widths, strict=True)
        )
        self.down = nn.ModuleList(conv(below, w) for w, below in pairwise(widths))
        self.output = nn.ModuleList(wide(w, 2 * w) for w in widths)
        self.out_channels: tuple[int, ...] = tuple(2 * w for w in widths)

    def forward(self, maps: list[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B _ _ _"]]:
        """Fuse the levels from coarse to fine.

        Args:
            maps: One map per level, finest first.

        Returns:
            One map per level, of the same sizes.
        """
        found = [self.sets[-1](maps[-1])]
        for level in reversed(range(len(maps) - 1)):
            above = enlarge(self.down[level](found[0]), maps[level])
            found.insert(0, self.sets[level](torch.cat([above, maps[level]], dim=1)))
        return [output(x) for output, x in zip(self.output, found, strict=True)]


_Conv = Callable[..., nn.Sequential]


def _full(conv: _Conv, in_channels: int, out_channels: int) -> nn.Module:
    return conv(in_channels, out_channels, 3)


def _separable(conv: _Conv, in_channels: int, out_channels: int) -> nn.Module:
    return nn.Sequential(conv(in_channels, in_channels, 3, groups=in_channels), conv(in_channels, out_channels))
