"""Darknet-53, the backbone of YOLOv3."""

from dataclasses import replace
from typing import Any

from jaxtyping import Float
from timm.models.cspnet import model_cfgs
from torch import Tensor, nn

from lightweight_ssd.layers.timm_model import create_timm_model, epsilon_of, loaded_weights

__all__ = ["Darknet53"]


class Darknet53(nn.Module):
    """Darknet-53 without its classifier: levels of 256, 512 and 1024 channels at the strides 8, 16 and 32.

    The network is timm's `darknet53`, with the slope of Darknet's rectifiers.

    Attributes:
        out_channels: Channels of each level.
        strides: Pixels of the image per cell of each level.
        norm_eps: What its batch normalizations add to the variance.
        loaded_weights: What was loaded and from where; None with random weights.

    Source: Redmon and Farhadi, YOLOv3 (2018), table 1; the slope is that of Darknet's `yolov3.cfg`. Deviation: with
    random weights the last normalization of each residual unit starts at 0, as timm has it.
    """

    def __init__(
        self,
        width: float = 1.0,
        slope: float = 0.1,
        weights: str | None = None,
        norm_momentum: float = 0.03,
        norm_eps: float | None = 1e-5,
    ) -> None:
        """Build the network.

        Args:
            width: Factor on all channels, above 0.
            slope: Of the rectifiers below 0: 0.1 in Darknet; timm's weights were trained with 0.01.
            weights: `pretrained` = those that timm names for `darknet53`, downloaded; or a local file of them; None =
                random.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance; the default is Darknet's and timm's. None = what the weights expect, or
                0.001 with random ones.

        Raises:
            ValueError: For a width that is not above 0, or if the weights do not fit or cannot be downloaded.
            FileNotFoundError: If there is no such file of weights.
        """
        super().__init__()
        if width <= 0:
            raise ValueError(f"Expected backbone.width above 0 but got {width}.")
        options: dict[str, Any] = {"features_only": True, "out_indices": (3, 4, 5), **_of_width(width)}
        self.features: Any = create_timm_model("darknet53", weights, norm_momentum, norm_eps, **options)
        for module in self.features.modules():
            if isinstance(module, nn.LeakyReLU):
                module.negative_slope = slope
        self.loaded_weights, self.norm_eps = loaded_weights(self.features), epsilon_of(self.features)
        self.out_channels: tuple[int, ...] = tuple(self.features.feature_info.channels())
        self.strides: tuple[int, ...] = (8, 16, 32)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the levels of normalized images.

        Returns:
            One map per level, finest first, of ceil(H / stride) × ceil(W / stride) cells.
        """
        return list(self.features(images))


def _of_width(width: float) -> dict[str, Any]:
    """timm's own description of the network with other channels; a bottleneck has half of them, so they are even."""
    if width == 1:
        return {}
    known: Any = model_cfgs["darknet53"]
    channels = tuple(max(2, 2 * round(each * width / 2)) for each in known.stages.out_chs)
    stem = replace(known.stem, out_chs=max(1, round(known.stem.out_chs * width)))
    return {"stem": stem, "stages": replace(known.stages, out_chs=channels)}
