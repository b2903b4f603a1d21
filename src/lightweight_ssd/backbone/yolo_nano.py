"""The backbone of YOLO Nano, whose widths a search found."""

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.darknet import scaled
from lightweight_ssd.layers.yolo_nano import EP, FCA, PEP, Conv, Factors, stack

__all__ = ["YOLONano"]

_FINE = (
    *(Conv(12, 3), Conv(24, 3, 2), PEP(7, 24)),
    *(EP(70, 2), PEP(25, 70), PEP(24, 70)),
    *(EP(150, 2), PEP(56, 150), Conv(150), FCA(150), PEP(73, 150), PEP(71, 150), PEP(75, 150)),
)
_MIDDLE = (EP(325, 2), *(PEP(reduced, 325) for reduced in (132, 124, 141, 140, 137, 135, 133, 140)))
_COARSE = (EP(545, 2), PEP(276, 545), Conv(230), EP(489), PEP(213, 469), Conv(189))


class YOLONano(nn.Module):
    """Levels of 150, 325 and 189 channels, at strides 8, 16 and 32, of blocks with depthwise convolutions.

    Attributes:
        out_channels: Channels of each level.
        strides: Pixels of the image per cell of each level.

    Source: Wong et al., "YOLO Nano", 2019, figure 2. It prints no code and not by which factor the blocks widen their
    maps; with 2 and 2 the detector has 4.66 million parameters, with 1 and 1 it has 2.89, with 3 and 3 it has 6.43. The
    paper's own count (4.0 MB) fits none of them.
    """

    def __init__(
        self,
        ep_expansion: float = 2.0,
        pep_expansion: float = 2.0,
        width: float = 1.0,
        norm_momentum: float = 0.03,
        norm_eps: float = 1e-5,
    ) -> None:
        """Build the network.

        Args:
            ep_expansion: Channels of the depthwise convolution of an EP block, as a multiple of its input's.
            pep_expansion: The same of a PEP block, as a multiple of its first projection's.
            width: Factor on the channels of every layer, above 0.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance.

        Raises:
            ValueError: For a factor that is not above 0.
        """
        super().__init__()
        factors = Factors(width, ep_expansion, pep_expansion, norm_momentum, norm_eps)
        self.out_channels: tuple[int, ...] = tuple(scaled(channels, width) for channels in (150, 325, 189))
        fine, middle, _ = self.out_channels
        inputs = (3, fine, middle)
        plans = (_FINE, _MIDDLE, _COARSE)
        self.stages = nn.ModuleList(stack(c, plan, factors) for c, plan in zip(inputs, plans, strict=True))
        self.strides: tuple[int, ...] = (8, 16, 32)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the levels of normalized images.

        Returns:
            Three maps, the finest first, of ceil(H / stride) × ceil(W / stride) cells.
        """
        maps = [images]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps[1:]
