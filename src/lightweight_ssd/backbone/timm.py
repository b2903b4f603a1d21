"""Any feature extractor of timm as a backbone, with SSD's extra layers on top."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.ssd_extra import ExtraLayers
from lightweight_ssd.layers.timm_model import create_timm_model, epsilon_of, loaded_weights

__all__ = ["TimmBackbone"]


class TimmBackbone(nn.Module):
    """Levels of a network of timm, chosen by their strides, then one per extra layer.

    Padding, activations and initial weights of the network are timm's; the extra layers use rectifiers. The detector
    normalizes images as the weights expect, unless `detector.mean` and `detector.std` are given.

    Attributes:
        out_channels: Channels of each level.
        strides: Pixels of the image per cell of each level.
        norm_eps: What its batch normalizations add to the variance.
        loaded_weights: What was loaded and from where; None with random weights.
    """

    def __init__(
        self,
        model: str,
        level_strides: Sequence[int] = (8, 16, 32),
        extra: Sequence[Mapping[str, int]] = (),
        weights: str | None = None,
        norm_momentum: float = 0.03,
        norm_eps: float | None = None,
    ) -> None:
        """Build the network without what lies above its coarsest level.

        Args:
            model: Name of the network in timm. It must take images of any size.
            level_strides: Strides of the network's levels that the backbone returns, rising.
            extra: Extra layers, each `{reduction, channels}`; see `ExtraLayers`.
            weights: `pretrained` = those that timm names for the network, downloaded; or a local file of them; None =
                random.
            norm_momentum: Share of the newest batch in the running statistics of every batch normalization, 0 to 1.
            norm_eps: Number that every batch normalization adds to the variance; None = what the weights
                expect, or 0.001 with random ones.

        Raises:
            ValueError: If timm has no such network, it has no level of such a stride, or the weights do not fit or
                cannot be downloaded.
            FileNotFoundError: If there is no such file of weights.
        """
        super().__init__()
        indices = _indices(model, level_strides)
        options: dict[str, Any] = {"features_only": True, "out_indices": indices}
        self.features: Any = create_timm_model(model, weights, norm_momentum, norm_eps, **options)
        self.loaded_weights, self.norm_eps = loaded_weights(self.features), epsilon_of(self.features)
        self._channels_last = str(getattr(self.features, "output_fmt", "NCHW")).endswith("NHWC")
        _drop_above(self.features)
        channels: list[int] = self.features.feature_info.channels()
        self.extra = ExtraLayers(channels[-1], extra, momentum=norm_momentum, eps=self.norm_eps)
        above = (level_strides[-1] * 2**i for i in range(1, len(extra) + 1))
        self.out_channels: tuple[int, ...] = (*channels, *self.extra.out_channels)
        self.strides: tuple[int, ...] = (*level_strides, *above)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the levels of normalized images.

        Returns:
            One map per level, finest first; of ceil(H / stride) × ceil(W / stride) cells in networks that pad, fewer
            in those that cut the image into patches.
        """
        maps = list(self.features(images))
        if self._channels_last:
            maps = [level.permute(0, 3, 1, 2) for level in maps]
        return [*maps, *self.extra(maps[-1])]


def _indices(model: str, level_strides: Sequence[int]) -> tuple[int, ...]:
    """Which of the network's levels have these strides; the last where several have one."""
    probe: Any = create_timm_model(model, None, 0.1, 1e-5, features_only=True)
    if probe.default_cfg.get("fixed_input_size"):
        raise ValueError(f"Expected a network of timm for images of any size but {model} takes one size only.")
    known = {stride: index for index, stride in enumerate(probe.feature_info.reduction())}
    if not level_strides or list(level_strides) != sorted(set(level_strides) & set(known)):
        raise ValueError(
            f"Expected level_strides of {model} among {sorted(known)}, rising, but got {list(level_strides)}."
        )
    return tuple(known[stride] for stride in level_strides)


def _drop_above(features: Any) -> None:
    """Remove stages above the last level, where timm keeps them: they get no gradient, which stops distributed runs."""
    parent, _, stage = features.feature_info.module_name()[-1].rpartition(".")
    stages = getattr(features, parent, None)
    if isinstance(stages, nn.Sequential) and stage.isdigit():
        setattr(features, parent, stages[: int(stage) + 1])
