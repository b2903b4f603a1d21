"""The layers that backbones and necks are built from, with their initial weights.

Every convolution of the network except for the predictors is followed by batch normalization and has no bias.
"""

import math

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lightweight_ssd.layers.weight_gradient import Convolution

__all__ = ["RepeatedConvNorm", "conv_norm", "convolution"]


def convolution(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Convolution without bias that keeps the size, halved and rounded up at stride 2.

    Its weights are drawn as He et al. (2015) propose for rectified units, over the fan-out *of one group*.
    `torch.nn.init.kaiming_normal_` counts the outputs of all groups, which makes depthwise weights so small
    that the epsilon of the normalization after them is no longer negligible.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side of the square kernel; odd.
        stride: 1 or more.
        groups: Groups of channels; `in_channels` for a depthwise convolution.

    Raises:
        ValueError: For an even kernel.
    """
    if kernel_size % 2 == 0:
        raise ValueError(f"Expected an odd kernel size but got {kernel_size}; choose 1, 3, 5, …")
    padding = kernel_size // 2
    layer = Convolution(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False)
    nn.init.normal_(layer.weight, std=math.sqrt(2 * groups / (out_channels * kernel_size**2)))
    return layer


def conv_norm(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 1,
    stride: int = 1,
    groups: int = 1,
    *,
    relu: bool = True,
    slope: float = 0.0,
    momentum: float,
    eps: float,
) -> nn.Sequential:
    """Convolution, batch normalization and, unless `relu` is false, a rectifier.

    Args:
        in_channels: See `convolution`, as the next four.
        out_channels: See `convolution`.
        kernel_size: See `convolution`.
        stride: See `convolution`.
        groups: See `convolution`.
        relu: False for a linear projection.
        slope: Of the rectifier below 0; above 0 it leaks.
        momentum: Share of the newest batch in the running statistics, 0 to 1.
        eps: Added to the variance.
    """
    layers: list[nn.Module] = [convolution(in_channels, out_channels, kernel_size, stride, groups)]
    layers.append(nn.BatchNorm2d(out_channels, eps=eps, momentum=momentum))
    if relu:
        layers.append(nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class RepeatedConvNorm(nn.Module):
    """`conv_norm` for a layer that one pass uses several times: one set of weights, running statistics per use.

    The input of the second use has another distribution than that of the first. In training each use is normalized by
    its own batch; a single running mean and variance would be the average of all uses and fit none in evaluation.
    EfficientDet shares its predictors over levels in this way. The parameters are those of one `conv_norm`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        groups: int = 1,
        *,
        uses: int,
        relu: bool = True,
        momentum: float,
        eps: float,
    ) -> None:
        """Build one convolution and a normalization per use, all with the first one's scale and shift.

        Args:
            in_channels: See `convolution`, as the next three.
            out_channels: See `convolution`.
            kernel_size: See `convolution`.
            groups: See `convolution`.
            uses: How often a pass uses the layer, 1 or more.
            relu: False for a linear projection.
            momentum: Share of the newest batch in the running statistics, 0 to 1.
            eps: Added to the variance.
        """
        super().__init__()
        self.conv = convolution(in_channels, out_channels, kernel_size, groups=groups)
        self.norms = nn.ModuleList(nn.BatchNorm2d(out_channels, eps=eps, momentum=momentum) for _ in range(uses))
        for norm in self.norms:
            norm.weight, norm.bias = self.norms[0].weight, self.norms[0].bias
        self.relu = relu

    def forward(self, x: Float[Tensor, "B _ H W"], use: int) -> Float[Tensor, "B _ H W"]:
        """Apply the layer, with the running statistics of the given use, counted from 0."""
        x = self.norms[use](self.conv(x))
        return F.relu(x, inplace=True) if self.relu else x
