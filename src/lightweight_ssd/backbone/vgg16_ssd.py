"""VGG-16 as the backbone of SSD300: torchvision's network, its fully connected layers as convolutions, extra layers."""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.detection.ssd import SSDFeatureExtractorVGG
from torchvision.models.vgg import cfgs, make_layers

from lightweight_ssd.layers.timm_model import LoadedWeights
from lightweight_ssd.layers.vgg_weights import load_vgg16
from lightweight_ssd.layers.width import scaled

__all__ = ["VGG16SSD"]


class VGG16SSD(nn.Module):
    """Six levels: conv4_3, each cell scaled to a learned length per channel; fc7; and four extra layers.

    The network is the body of torchvision's `ssd300_vgg16`. It has no batch normalization; at 300 pixels its maps have
    38, 19, 10, 5, 3 and 1 cells a side.

    Attributes:
        out_channels: Channels of each level.
        strides: Pixels of the image per cell of each level; the last two levels lose two cells a side instead.
        min_size: Shortest side of an image for which every level has a cell, pixels.
        loaded_weights: What was loaded and from where; None with random weights.

    Source: Liu et al., "SSD", 2016, section 3 and figure 2. Deviation: every random convolution is drawn as He et al.
    (2015) propose for rectified units, over the fan-in, the extra layers too: with Glorot's, or over the fan-out, the
    values would become smaller from layer to layer, and nothing normalizes them.
    """

    loaded_weights: LoadedWeights | None = None

    def __init__(self, width: float = 1.0, weights: str | None = None) -> None:
        """Build the network.

        Args:
            width: Factor on the channels of every layer, above 0.
            weights: Local file of VGG-16's weights with the names of torchvision or timm; fc6 and fc7 are taken from
                its fully connected layers where it has them. None = random.

        Raises:
            ValueError: For a width that is not positive, or if the weights do not fit.
            FileNotFoundError: If there is no such file of weights.
        """
        super().__init__()
        if width <= 0:
            raise ValueError(f"Expected backbone.width above 0 but got {width}.")
        self.body: Any = SSDFeatureExtractorVGG(make_layers(cfgs["D"]), highres=False)
        if width != 1:
            _narrow(self.body, width)
        self.out_channels: tuple[int, ...] = tuple(scaled(c, width) for c in (512, 1024, 512, 256, 256, 256))
        self.body.scale_weight = nn.Parameter(torch.full((self.out_channels[0],), 20.0))
        self.strides: tuple[int, ...] = (8, 16, 32, 64, 64, 64)
        self.min_size = 268
        convolutions = [layer for layer in self.body.modules() if isinstance(layer, nn.Conv2d)]
        for layer in convolutions:
            _start(layer)
        if weights is not None:
            self.loaded_weights = load_vgg16(convolutions, Path(weights))

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the levels of normalized images.

        Returns:
            One map per level, finest first.
        """
        return list(self.body(images).values())


def _narrow(module: nn.Module, width: float) -> None:
    """Replace the convolutions inside a module by ones with other numbers of channels; an image keeps its three."""
    for name, child in module.named_children():
        if not isinstance(child, nn.Conv2d):
            _narrow(child, width)
            continue
        channels = child.in_channels if child.in_channels == 3 else scaled(child.in_channels, width)
        shape: Any = (child.kernel_size, child.stride, child.padding, child.dilation)
        setattr(module, name, nn.Conv2d(channels, scaled(child.out_channels, width), *shape))


def _start(layer: nn.Conv2d) -> None:
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
