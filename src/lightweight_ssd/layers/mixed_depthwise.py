"""Depthwise convolution with several kernel sizes side by side."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.conv import convolution

__all__ = ["MixedDepthwise"]


class MixedDepthwise(nn.Module):
    """Depthwise convolution whose channels are split evenly, one kernel size per part, and concatenated.

    Source: section 3.2.2 and figure 4.
    """

    def __init__(self, channels: int, kernels: Sequence[int], stride: int) -> None:
        """Build one depthwise convolution per kernel size.

        Args:
            channels: Channels of input and output; a multiple of the number of kernels.
            kernels: Sides of the square kernels; odd.
            stride: 1 or 2.

        Raises:
            ValueError: If the channels do not divide evenly among the kernels.
        """
        super().__init__()
        if not kernels or channels % len(kernels):
            raise ValueError(
                f"Expected the expanded channels of a mixed block to split evenly over the kernels {list(kernels)} "
                f"but got {channels} channels; change the row's channels or mix_kernels."
            )
        part = channels // len(kernels)
        self.parts = nn.ModuleList(convolution(part, part, kernel, stride, groups=part) for kernel in kernels)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
        """Convolve each part of the channels with its own kernel."""
        chunks = x.chunk(len(self.parts), dim=1)
        return torch.cat([part(chunk) for part, chunk in zip(self.parts, chunks, strict=True)], dim=1)
