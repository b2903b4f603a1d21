"""VGG-16 without its classifier, as Faster R-CNN's backbone: one level of stride 16."""

import logging
import math

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.timm_model import LoadedWeights
from lightweight_ssd.layers.timm_weights import find_weights

__all__ = ["VGG16"]

log = logging.getLogger(__name__)
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
    R-CNN was written in.
    """

    def __init__(self, width: float = 1.0, weights: str | None = None) -> None:
        """Build the network.

        Args:
            width: Factor on all channels.
            weights: Local file with `features.*` of torchvision's or timm's `vgg16` (.pth, .bin, .safetensors);
                `pretrained` = those that timm names for it, downloaded; None = random.

        Raises:
            ValueError: If the weights do not fit, such as those of another width, or cannot be downloaded.
            FileNotFoundError: If there is no such file of weights.
        """
        super().__init__()
        channels = [3, *(max(1, round(each * width)) for each, _ in _BLOCKS)]
        shapes = zip(channels[:-1], channels[1:], _BLOCKS, strict=True)
        blocks = (_block(before, after, count) for before, after, (_, count) in shapes)
        self.block1, self.block2, self.block3, self.block4, self.block5 = blocks
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.out_channels: tuple[int, ...] = (channels[-1],)
        self.strides: tuple[int, ...] = (16,)
        self.min_size = 16
        self.loaded_weights = None if weights is None else _load(self, weights)

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
        nn.init.normal_(conv.weight, std=math.sqrt(2 / (9 * channels)))
        assert conv.bias is not None
        nn.init.zeros_(conv.bias)
        layers += [conv, nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _load(model: nn.Module, setting: str) -> LoadedWeights:
    """Copy the file's convolutions in their order; what else it holds, such as the classifier, is left out."""
    weights, wanted = find_weights("vgg16", setting), model.state_dict()
    numbers = sorted({int(name.split(".")[1]) for name in weights.tensors if name.startswith("features.")})
    names = [f"features.{number}.{kind}" for number in numbers for kind in ("weight", "bias")]
    shapes = [weights.tensors[name].shape for name in names if name in weights.tensors]
    if shapes != [value.shape for value in wanted.values()]:
        raise ValueError(
            f"Expected the {len(wanted)} tensors features.* of vgg16 in backbone.weights={setting} but it holds "
            f"{len(shapes)} of them, or of other shapes; give a file of torchvision's or timm's vgg16 and width=1."
        )
    model.load_state_dict({name: weights.tensors[theirs] for name, theirs in zip(wanted, names, strict=True)})
    unused = sorted({".".join(name.split(".")[:2]) for name in weights.tensors if name not in names})
    log.info("backbone.weights=%s: loaded all %d tensors of vgg16; not loaded: %s", setting, len(wanted), unused)
    file = str(weights.file.absolute())
    return LoadedWeights(
        weights.source, file, weights.sha256(), len(wanted), unused, weights.mean, weights.std
    )
