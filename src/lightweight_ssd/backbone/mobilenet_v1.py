"""MobileNet as the backbone of SSD, the paper's first baseline, and of YOLOv3."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.ssd_extra import ExtraLayers
from lightweight_ssd.layers.timm_model import create_timm_model, epsilon_of, loaded_weights

__all__ = ["MobileNetV1"]

_STRIDES = (2, 4, 8, 16, 32)


class MobileNetV1(nn.Module):
    """MobileNet with extra layers: levels of 512 and 1024 channels unless others are chosen, then one per extra layer.

    The network is timm's `mobilenetv1_100`. Every rectifier is capped at 6, as in the original.

    Attributes:
        out_channels: Channels of each level.
        strides: Pixels of the image per cell of each level.
        norm_eps: What its batch normalizations add to the variance.
        loaded_weights: What was loaded and from where; None with random weights.

    Source: table 3, row "Mobilenet"; the levels are those of the framework that section 4 quotes. Deviation:
    convolutions of stride 2 pad one cell on every side, as in PyTorch; the framework pads only below and to the right
    of an even side. The sizes of the maps are the same.
    """

    def __init__(
        self,
        extra: Sequence[Mapping[str, int]],
        weights: str | None = None,
        norm_momentum: float = 0.03,
        norm_eps: float | None = None,
        level_strides: Sequence[int] = (16, 32),
    ) -> None:
        """Build the network.

        Args:
            extra: Extra layers, each `{reduction, channels}`; see `ExtraLayers`.
            weights: `pretrained` = those that timm names for `mobilenetv1_100`, downloaded; or a local file of
                them; None = random.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance; None = what the weights expect, or 0.001 with random ones.
            level_strides: Strides of the network's own levels, rising, among 2, 4, 8, 16 and 32.

        Raises:
            ValueError: For other strides, an extra layer that cannot be built, or if the weights do not fit or cannot
                be downloaded.
            FileNotFoundError: If there is no such file of weights.
        """
        super().__init__()
        if not level_strides or list(level_strides) != sorted(set(level_strides) & set(_STRIDES)):
            raise ValueError(
                f"Expected backbone.level_strides among {list(_STRIDES)}, rising, but got {list(level_strides)}."
            )
        indices = tuple(_STRIDES.index(stride) for stride in level_strides)
        options: dict[str, Any] = {"features_only": True, "out_indices": indices}
        self.features: Any = create_timm_model("mobilenetv1_100", weights, norm_momentum, norm_eps, **options)
        self.loaded_weights, self.norm_eps = loaded_weights(self.features), epsilon_of(self.features)
        channels: list[int] = self.features.feature_info.channels()
        self.extra = ExtraLayers(channels[-1], extra, nn.ReLU6, momentum=norm_momentum, eps=self.norm_eps)
        self.out_channels: tuple[int, ...] = (*channels, *self.extra.out_channels)
        above = (level_strides[-1] * 2**level for level in range(1, len(extra) + 1))
        self.strides: tuple[int, ...] = (*level_strides, *above)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the levels of normalized images.

        Returns:
            One map per level, finest first, of ceil(H / stride) × ceil(W / stride) cells.
        """
        maps = list(self.features(images))
        return [*maps, *self.extra(maps[-1])]
