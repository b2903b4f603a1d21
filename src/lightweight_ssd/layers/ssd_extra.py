"""SSD's extra layers, which turn the top of a classification network into still coarser levels."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.conv import conv_norm

__all__ = ["ExtraLayers"]


class ExtraLayers(nn.Module):
    """One coarser level per layer: a 1×1 reduction, then a 3×3 convolution of stride 2, each normalized and rectified.

    Attributes:
        out_channels: Channels of each level.

    Source: the extra feature layers of SSD (Liu et al., 2016), without bias and with batch normalization as in the
    framework that section 4 of the paper quotes.
    """

    def __init__(
        self,
        in_channels: int,
        layers: Sequence[Mapping[str, int]],
        rectifier: type[nn.ReLU] | type[nn.ReLU6] = nn.ReLU,
        *,
        momentum: float,
        eps: float,
    ) -> None:
        """Build the layers.

        Args:
            in_channels: Channels of the map that the first layer takes.
            layers: Per level `{reduction, channels}`: outputs of the 1×1 and of the 3×3 convolution. May be empty.
            rectifier: Activation after every normalization.
            momentum: Share of the newest batch in the running statistics, 0 to 1.
            eps: Added to the variance.

        Raises:
            ValueError: For a layer with other keys or without channels.
        """
        super().__init__()
        for layer in layers:
            if set(layer) != {"reduction", "channels"} or min(layer.values()) < 1:
                raise ValueError(
                    f"Expected each extra layer of the backbone as {{reduction, channels}}, both 1 or more, "
                    f"but got {dict(layer)}."
                )
        conv = partial(conv_norm, relu=False, momentum=momentum, eps=eps)
        self.out_channels: tuple[int, ...] = tuple(layer["channels"] for layer in layers)
        self.layers = nn.ModuleList(
            nn.Sequential(
                *conv(before, layer["reduction"]),
                rectifier(inplace=True),
                *conv(layer["reduction"], after, 3, 2),
                rectifier(inplace=True),
            )
            for layer, (before, after) in zip(layers, pairwise([in_channels, *self.out_channels]), strict=True)
        )

    def forward(self, top: Float[Tensor, "B _ _ _"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the levels above `top`, each half the size of the one before, rounded up."""
        maps = [top]
        for layer in self.layers:
            maps.append(layer(maps[-1]))
        return maps[1:]
