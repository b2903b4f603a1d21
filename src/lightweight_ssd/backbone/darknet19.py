"""Darknet-19, the backbone of YOLOv2."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.conv import conv_norm
from lightweight_ssd.layers.darknet import SLOPE, pool_to_half, scaled

__all__ = ["Darknet19"]

_STAGES = ((32, 1), (64, 1), (128, 3), (256, 3), (512, 5), (1024, 5))  # channels, and convolutions of a stage


class Darknet19(nn.Module):
    """Levels of 512 and 1024 channels, at strides 16 and 32, of a network of 3×3 and 1×1 convolutions.

    Six stages, with 2×2 max pooling between them. In a stage, 3×3 convolutions alternate with 1×1 ones of half the
    channels. The finer level is the fifth stage before its pooling.

    Attributes:
        out_channels: Channels of each level.
        strides: Pixels of the image per cell of each level.

    Source: Redmon and Farhadi, "YOLO9000: better, faster, stronger", 2017, table 6, without the classifier; layer by
    layer as Darknet's `yolov2-voc.cfg`.
    """

    def __init__(self, width: float = 1.0, norm_momentum: float = 0.03, norm_eps: float = 1e-5) -> None:
        """Build the network.

        Args:
            width: Factor on the channels of every layer, above 0.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance; the default is Darknet's.

        Raises:
            ValueError: For a width that is not above 0.
        """
        super().__init__()
        conv = partial(conv_norm, slope=SLOPE, momentum=norm_momentum, eps=norm_eps)
        before, stages = 3, []
        for channels, count in _STAGES:
            layers = list(_layers(before, channels, count, width))
            stages.append(nn.Sequential(*(conv(*layer) for layer in layers)))
            before = scaled(channels, width)
        self.stages = nn.ModuleList(stages)
        self.out_channels: tuple[int, ...] = (scaled(512, width), scaled(1024, width))
        self.strides: tuple[int, ...] = (16, 32)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the levels of normalized images.

        Returns:
            Two maps, the finer first, of ceil(H / stride) × ceil(W / stride) cells.
        """
        maps = [self.stages[0](images)]
        for stage in self.stages[1:]:
            maps.append(stage(pool_to_half(maps[-1])))
        return maps[-2:]


def _layers(before: int, channels: int, count: int, width: float) -> Iterator[tuple[int, int, int]]:
    """(inputs, outputs, kernel) of each convolution of a stage."""
    outputs = [scaled(channels if index % 2 == 0 else channels // 2, width) for index in range(count)]
    for index, (inputs, after) in enumerate(pairwise([before, *outputs])):
        yield inputs, after, 3 if index % 2 == 0 else 1
