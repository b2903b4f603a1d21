"""MobileNetV2 as the backbone of SSD, the paper's second baseline."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.ssd_extra import ExtraLayers
from lightweight_ssd.layers.timm_model import create_timm_model, epsilon_of, loaded_weights

__all__ = ["MobileNetV2"]


class MobileNetV2(nn.Module):
    """MobileNetV2 with extra layers: levels of 576 and 1280 channels, then one per extra layer.

    The finest level is the widened input of the fourteenth block, just before that block halves the size; the second
    is the 1×1 convolution after the last block. The network is timm's `mobilenetv2_100`. Every rectifier is capped at
    6, as in the original.

    Attributes:
        out_channels: Channels of each level.
        strides: Pixels of the image per cell of each level.
        norm_eps: What its batch normalizations add to the variance.
        loaded_weights: What was loaded and from where; None with random weights.

    Source: table 3, row "Mobilenet v2"; the levels are those of the framework that section 4 quotes. Deviation:
    convolutions of stride 2 pad one cell on every side, as in PyTorch; the framework pads only below and to the right
    of an even side. The sizes of the maps are the same.
    """

    def __init__(
        self,
        extra: Sequence[Mapping[str, int]],
        weights: str | None = None,
        norm_momentum: float = 0.03,
        norm_eps: float | None = None,
    ) -> None:
        """Build the network.

        Args:
            extra: Extra layers, each `{reduction, channels}`; see `ExtraLayers`.
            weights: `pretrained` = those that timm names for `mobilenetv2_100`, downloaded; or a local file of
                them; None = random.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance; None = what the weights expect, or 0.001 with random ones.

        Raises:
            ValueError: For an extra layer that cannot be built, or if the weights do not fit or cannot be downloaded.
            FileNotFoundError: If there is no such file of weights.
        """
        super().__init__()
        net: Any = create_timm_model("mobilenetv2_100", weights, norm_momentum, norm_eps, num_classes=0)
        self.loaded_weights, self.norm_eps = loaded_weights(net), epsilon_of(net)
        halving, *rest = net.blocks[5]
        self.fine = nn.Sequential(net.conv_stem, net.bn1, *net.blocks[:5], halving.conv_pw, halving.bn1)
        projected = (halving.conv_dw, halving.bn2, halving.conv_pwl, halving.bn3)
        self.top = nn.Sequential(*projected, *rest, *net.blocks[6:], net.conv_head, net.bn2)
        self.extra = ExtraLayers(1280, extra, nn.ReLU6, momentum=norm_momentum, eps=self.norm_eps)
        self.out_channels: tuple[int, ...] = (576, 1280, *self.extra.out_channels)
        self.strides: tuple[int, ...] = tuple(16 * 2**level for level in range(len(self.out_channels)))

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the levels of normalized images.

        Returns:
            One map per level, finest first, of ceil(H / stride) × ceil(W / stride) cells.
        """
        fine = self.fine(images)
        top = self.top(fine)
        return [fine, top, *self.extra(top)]
