"""The neck of YOLOv2: the fine level is passed through to the coarse one, its cells laid into channels."""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lightweight_ssd.layers.conv import conv_norm
from lightweight_ssd.layers.darknet import SLOPE, scaled

__all__ = ["YOLOv2Neck", "reorganize"]


class YOLOv2Neck(nn.Module):
    """One level, of stride 32 in YOLOv2, from two.

    Two 3×3 convolutions of the coarse level; beside them a 1×1 convolution of the fine level, of whose cells each 2×2
    become the channels of one; a 3×3 convolution of both.

    Attributes:
        out_channels: Channels of the one level: 1024 at full width.
        passthrough: Which cells become which channels.

    Source: Redmon and Farhadi, "YOLO9000", 2017, section 2 ("fine-grained features"); widths as in Darknet's
    `yolov2-voc.cfg`. Deviation: by default the cells are those that the paper describes. Darknet's code takes others;
    see `reorganize`.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        passthrough: str = "adjacent",
        width: float = 1.0,
        norm_momentum: float = 0.03,
        norm_eps: float = 1e-5,
    ) -> None:
        """Build the convolutions.

        Args:
            in_channels: Channels of each of the two levels of the backbone, the finer first.
            passthrough: `adjacent` = the four fine cells that a coarse one covers become its channels; `darknet` = as
                Darknet's code does it, which its weights need.
            width: Factor on the channels of every layer, above 0.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance; the default is Darknet's.

        Raises:
            ValueError: For another number of levels than two, another passthrough, or a width that it cannot have.
        """
        super().__init__()
        if len(in_channels) != 2:
            raise ValueError(
                f"Expected a backbone with two levels for neck=yolov2 but got {len(in_channels)}; give "
                f"backbone=darknet19, or another neck."
            )
        if passthrough not in ("adjacent", "darknet"):
            raise ValueError(f"Expected neck.passthrough to be adjacent or darknet but got {passthrough}.")
        conv = partial(conv_norm, slope=SLOPE, momentum=norm_momentum, eps=norm_eps)
        side, channels = scaled(64, width), scaled(1024, width)
        if passthrough == "darknet" and side % 4:
            raise ValueError(
                f"Expected a number of channels that 4 divides for neck.passthrough=darknet but got {side}; give a "
                f"neck.width of a multiple of 1/16."
            )
        self.passthrough = passthrough
        self.deep = nn.Sequential(conv(in_channels[1], channels, 3), conv(channels, channels, 3))
        self.side = conv(in_channels[0], side)
        self.fuse = conv(4 * side + channels, channels, 3)
        self.out_channels: tuple[int, ...] = (channels,)

    def forward(self, maps: list[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B _ _ _"]]:
        """Fuse the levels.

        Args:
            maps: Two maps, the finer first and twice as high and wide.

        Returns:
            One map, of the size of the coarser one.

        Raises:
            ValueError: If the sizes are no halves, as those of images whose sides are no multiples of 32.
        """
        fine, coarse = maps
        _check(fine, coarse)
        side = self.side(fine)
        cells = _space_to_depth(side) if self.passthrough == "adjacent" else reorganize(side)
        return [self.fuse(torch.cat([cells, self.deep(coarse)], dim=1))]


def reorganize(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B _ h w"]:
    """Lay cells into channels as Darknet's `reorg` layer does, which reads the map by the layout of the reverse step.

    Darknet indexes its input as if it had a quarter of the channels and twice the height and width. So the cells that
    become the channels of one lie up to half the map apart, and no order of channels makes the result that of
    `pixel_unshuffle`. Its trained weights know no other order.

    Args:
        x: Map with a multiple of 4 channels, of even height and width.

    Source: `reorg_cpu` in Darknet's `src/blas.c`.
    """
    batch, channels, height, width = x.shape
    cells = x.reshape(batch, channels * height // 4, 2, width, 2).permute(0, 2, 4, 1, 3)
    return cells.reshape(batch, channels * 4, height // 2, width // 2)


def _space_to_depth(x: Tensor) -> Tensor:
    """Each 2×2 cells become the channels of one; PyTorch's function leaves the shape of an empty batch as it is."""
    if torch.compiler.is_compiling() or len(x):
        return F.pixel_unshuffle(x, 2)
    batch, channels, height, width = x.shape
    return x.new_empty(batch, 4 * channels, height // 2, width // 2)


def _check(fine: Tensor, coarse: Tensor) -> None:
    """Refuse levels that are no halves; silent under compilation, where sizes may be symbols."""
    if torch.compiler.is_compiling():
        return
    (height, width), (rows, columns) = fine.shape[-2:], coarse.shape[-2:]
    if (height, width) != (2 * rows, 2 * columns):
        raise ValueError(
            f"Expected images whose height and width are multiples of 32 for neck=yolov2 but got maps of "
            f"{height}×{width} and {rows}×{columns} cells; give an image_size such as 416 or 544."
        )
