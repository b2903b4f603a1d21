"""The backbone of Tiny YOLOv2 and Tiny YOLOv3: one 3×3 convolution per size of map."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.conv import conv_norm
from lightweight_ssd.layers.darknet import SLOPE, pool_in_place, pool_to_half, scaled

__all__ = ["TinyDarknet"]

_CHANNELS = (16, 32, 64, 128, 256, 512)  # at strides 1, 2, 4, 8, 16, 32


class TinyDarknet(nn.Module):
    """Six 3×3 convolutions with 2×2 max pooling between them, then deeper ones at the coarsest stride.

    Before the deeper ones lies a pooling that keeps the size. A level of stride 2 to 16 is the map before its pooling,
    the level of stride 32 the last map.

    Attributes:
        out_channels: Channels of each level.
        strides: Pixels of the image per cell of each level.

    Source: Darknet's `yolov2-tiny-voc.cfg`, two deeper convolutions and one level, and `yolov3-tiny.cfg`, one deeper
    convolution and the levels of strides 16 and 32 (Redmon and Farhadi, 2017 and 2018).
    """

    def __init__(
        self,
        deep: Sequence[int] = (1024, 1024),
        level_strides: Sequence[int] = (32,),
        width: float = 1.0,
        norm_momentum: float = 0.03,
        norm_eps: float = 1e-5,
    ) -> None:
        """Build the network.

        Args:
            deep: Channels of each 3×3 convolution after the pooling that keeps the size; one or more.
            level_strides: Strides of the levels that the backbone returns, rising, the last of them 32.
            width: Factor on the channels of every layer, above 0.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance; the default is Darknet's.

        Raises:
            ValueError: For no deeper convolutions, other strides, or a width that is not above 0.
        """
        super().__init__()
        if not deep:
            raise ValueError("Expected the channels of one deep convolution of Tiny Darknet or more but got none.")
        known = tuple(2**index for index in range(1, len(_CHANNELS)))
        if not level_strides or level_strides[-1] != 32 or list(level_strides) != sorted({*level_strides} & {*known}):
            raise ValueError(
                f"Expected level_strides of Tiny Darknet among {known}, rising, the last of them 32, but got "
                f"{list(level_strides)}."
            )
        conv = partial(conv_norm, slope=SLOPE, kernel_size=3, momentum=norm_momentum, eps=norm_eps)
        channels = [scaled(each, width) for each in _CHANNELS]
        deeper = [scaled(each, width) for each in deep]
        self.convs = nn.ModuleList(conv(*pair) for pair in pairwise([3, *channels]))
        self.deep = nn.Sequential(*(conv(*pair) for pair in pairwise([channels[-1], *deeper])))
        self.strides: tuple[int, ...] = tuple(level_strides)
        finer = (channels[stride.bit_length() - 1] for stride in self.strides[:-1])
        self.out_channels: tuple[int, ...] = (*finer, deeper[-1])

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the levels of normalized images.

        Returns:
            One map per level, finest first, of ceil(H / stride) × ceil(W / stride) cells.
        """
        maps = {1: self.convs[0](images)}
        for stride, conv in zip((2, 4, 8, 16, 32), self.convs[1:], strict=True):
            maps[stride] = conv(pool_to_half(maps[stride // 2]))
        maps[32] = self.deep(pool_in_place(maps[32]))
        return [maps[stride] for stride in self.strides]
