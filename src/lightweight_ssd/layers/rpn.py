"""What stands before the predictors of region proposals, and what their knowledge is used for besides."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.conv import conv_norm

__all__ = ["ConvRPN", "SeparableRPN", "SpatialAttention"]


class ConvRPN(nn.Module):
    """One 3×3 convolution with bias and a rectifier.

    Attributes:
        out_channels: Channels of the result.

    Source: Ren et al., "Faster R-CNN", 2015, section 3.1.
    """

    def __init__(self, in_channels: int, channels: int = 512) -> None:
        """Build the layer.

        Args:
            in_channels: Channels of the map.
            channels: Channels of the result.
        """
        super().__init__()
        self.out_channels = channels
        self.conv = nn.Conv2d(in_channels, channels, 3, padding=1)
        nn.init.normal_(self.conv.weight, std=math.sqrt(2 / (9 * in_channels)))
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, features: Float[Tensor, "B _ H W"]) -> Float[Tensor, "B _ H W"]:
        """Compute what the predictors of the proposals see."""
        return self.relu(self.conv(features))


class SeparableRPN(nn.Module):
    """A depthwise 5×5 and a 1×1 convolution, each normalized and rectified.

    Attributes:
        out_channels: Channels of the result.

    Source: Qin et al., "ThunderNet", 2019, section 3.2 (detection part).
    """

    def __init__(
        self, in_channels: int, channels: int = 256, norm_momentum: float = 0.03, norm_eps: float = 1e-3
    ) -> None:
        """Build the layers.

        Args:
            in_channels: Channels of the map.
            channels: Channels of the result.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance.
        """
        super().__init__()
        self.out_channels = channels
        self.layers = nn.Sequential(
            conv_norm(in_channels, in_channels, 5, groups=in_channels, momentum=norm_momentum, eps=norm_eps),
            conv_norm(in_channels, channels, momentum=norm_momentum, eps=norm_eps),
        )

    def forward(self, features: Float[Tensor, "B _ H W"]) -> Float[Tensor, "B _ H W"]:
        """Compute what the predictors of the proposals see."""
        return self.layers(features)


class SpatialAttention(nn.Module):
    """Weighs the map by what the region proposals know: foreground stands out, background fades.

        out = features · σ(BN(Conv(hidden)))

    Source: Qin et al., "ThunderNet", 2019, section 3.2 (spatial attention module).
    """

    def __init__(self, in_channels: int, channels: int, norm_momentum: float = 0.03, norm_eps: float = 1e-3) -> None:
        """Build the 1×1 convolution.

        Args:
            in_channels: Channels of what the predictors of the proposals see.
            channels: Channels of the map.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance.
        """
        super().__init__()
        self.weight = conv_norm(in_channels, channels, relu=False, momentum=norm_momentum, eps=norm_eps)

    def forward(self, features: Float[Tensor, "B C H W"], hidden: Float[Tensor, "B _ H W"]) -> Float[Tensor, "B C H W"]:
        """Weigh the map."""
        return features * self.weight(hidden).sigmoid()
