"""VGG-16 without its classifier, as Faster R-CNN's backbone: one level of stride 16."""

from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.timm_model import LoadedWeights
from lightweight_ssd.layers.vgg_weights import load_vgg16
from lightweight_ssd.layers.width import scaled

__all__ = ["VGG16"]

_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions


class VGG16(nn.Module):
    """Five blocks of 3×3 convolutions with bias and rectifiers, halved in between; the last is not halved.

    Without normalization it is made for trained weights and a tenth of the usual learning rate. The first two blocks
    stay as they are with `lr_factors={backbone.block1: 0, backbone.block2: 0}`.

    Attributes:
        out_channels: Channels of the one level.
        strides: Pixels of the image per cell of it.
        min_size: Shortest side of an image, pixels.
        loaded_weights: What was loaded and from where; None with random weights.

    Source: Simonyan and Zisserman, 2015, table 1, column D. The halving rounds up, as in the framework that Faster
    R-CNN was written in. Random weights are drawn as He et al. (2015) propose, over the fan-in.
    """

    loaded_weights: LoadedWeights | None = None

    def __init__(self, width: float = 1.0, weights: str | None = None) -> None:
        """Build the network.

        Args:
            width: Factor on the channels of every layer, above 0.
            weights: Local file of VGG-16's weights with the names of torchvision or timm; None = random.

        Raises:
            ValueError: For a width that is not positive, or if the weights do not fit.
            FileNotFoundError: If there is no such file of weights.
        """
        super().__init__()
        if width <= 0:
            raise ValueError(f"Expected backbone.width above 0 but got {width}.")
        channels = [3, *(scaled(each, width) for each, _ in _BLOCKS)]
        shapes = zip(channels[:-1], channels[1:], _BLOCKS, strict=True)
        blocks = (_block(before, after, count) for before, after, (_, count) in shapes)
        self.block1, self.block2, self.block3, self.block4, self.block5 = blocks
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.out_channels: tuple[int, ...] = (channels[-1],)
        self.strides: tuple[int, ...] = (16,)
        self.min_size = 16
        if weights is not None:
            convolutions = [layer for layer in self.modules() if isinstance(layer, nn.Conv2d)]
            self.loaded_weights = load_vgg16(convolutions, Path(weights))

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the level of normalized images.

        Returns:
            One map, of ceil(H / 16) × ceil(W / 16) cells.
        """
        x = self.block1(images)
        for block in (self.block2, self.block3, self.block4, self.block5):
            x = block(self.pool(x))
        return [x]


def _block(in_channels: int, channels: int, count: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number in range(count):
        conv = nn.Conv2d(channels if number else in_channels, channels, 3, padding=1)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        assert conv.bias is not None
        nn.init.zeros_(conv.bias)
        layers += [conv, nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
