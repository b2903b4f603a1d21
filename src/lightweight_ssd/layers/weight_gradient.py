"""A convolution whose weight gradient is computed by matrix products where PyTorch's own is several times slower.

On CPUs with AVX2 alone, oneDNN computes the weight gradient of a convolution in channels-last order at 5 to 10 GFLOPS
where a matrix product reaches 30 to 40. Deep in the network both take microseconds; the two convolutions of the stem,
with the largest maps, are a third of the whole step. Outputs and input gradients are PyTorch's own, so all values are
equal up to the rounding of a sum.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

__all__ = ["Convolution", "few_channels_gradient", "halving_gradient"]

_FEW = 4  # input channels at most, such as RGB, for which patches fit beside the map itself
_LEAST_WIDTH = 64  # cells in a row of the output: below it the products are too small to pay off


class Convolution(nn.Conv2d):
    """`torch.nn.Conv2d`, trained faster on some CPUs; its weights, outputs and state are the same."""

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Convolve."""
        if torch.compiler.is_compiling() or not (self.weight.requires_grad and torch.is_grad_enabled()):
            return super().forward(x)
        if not (_slow_natively(x) and self.bias is None and (_is_first(self, x) or _halves(self, x))):
            return super().forward(x)
        return _WithMatrixProducts.apply(x, self.weight, self.stride, self.padding)  # pyright: ignore[reportReturnType]


class _WithMatrixProducts(torch.autograd.Function):
    """A convolution of a 3×3 kernel without groups and bias, at stride 1 or 2."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int]
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding  # pyright: ignore[reportAttributeAccessIssue]
        return F.conv2d(x, weight, None, stride, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, weight = ctx.saved_tensors  # pyright: ignore[reportAttributeAccessIssue]
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_input = of_weight = None
        if ctx.needs_input_grad[0]:  # pyright: ignore[reportAttributeAccessIssue]
            stride, padding = ctx.stride, ctx.padding  # pyright: ignore[reportAttributeAccessIssue]
            of_input = conv2d_input(x.shape, weight, gradient, stride, padding)
        if ctx.needs_input_grad[1]:  # pyright: ignore[reportAttributeAccessIssue]
            compute = halving_gradient if ctx.stride == (2, 2) else few_channels_gradient  # pyright: ignore[reportAttributeAccessIssue]
            of_weight = compute(x, gradient).contiguous(memory_format=torch.channels_last)
        return of_input, of_weight, None, None


def few_channels_gradient(x: Float[Tensor, "B C H W"], gradient: Float[Tensor, "B D H W"]) -> Float[Tensor, "D C 3 3"]:
    """Weight gradient of a 3×3 convolution of stride 1 and padding 1, as one product over the 3×3 patches of `x`.

    Args:
        x: Input; the patches take nine times its memory.
        gradient: Of the output, channels last.
    """
    batch, channels, rows, columns = x.shape
    padded = F.pad(x, (1, 1, 1, 1)).permute(0, 2, 3, 1).contiguous()
    image, row, cell, _ = padded.stride()
    # A row of a patch is three cells with all their channels, which lie one behind the other.
    patches = padded.as_strided((batch, rows, columns, 3, 3 * channels), (image, row, cell, row, 1))
    product = _cells(gradient).t() @ patches.reshape(batch * rows * columns, 9 * channels)
    return product.view(-1, 3, 3, channels).permute(0, 3, 1, 2)


def halving_gradient(x: Float[Tensor, "B C H W"], gradient: Float[Tensor, "B D h w"]) -> Float[Tensor, "D C 3 3"]:
    """Weight gradient of a 3×3 convolution of stride 2 and padding 1, as products of the maps' rows.

    A cell (i, j) of the output sees the rows 2i − 1, 2i, 2i + 1 of the input and the same of its columns. So each row
    of the gradient is multiplied with whole rows of the input, which are read as pairs of columns (2j, 2j + 1); only
    the column 2j − 1 comes from the pair before. Nothing is copied.

    Args:
        x: Input, of even height and width, channels last.
        gradient: Of the output, half as high and wide, channels last.
    """
    batch, channels, height, width = x.shape
    rows, columns = height // 2, width // 2
    pairs = x.permute(0, 2, 3, 1).reshape(batch * rows, 2, columns, 2 * channels)
    given = gradient.permute(0, 2, 3, 1).reshape(batch * rows, columns, -1).transpose(1, 2)
    # No row above the first one of an image: its product with the row before, of the image before, does not count.
    counts = (torch.arange(1, batch * rows, device=x.device) % rows != 0).to(x.dtype)
    taps = [
        _row_of_taps(given[1:], pairs[:-1, 1], counts),
        _row_of_taps(given, pairs[:, 0], None),
        _row_of_taps(given, pairs[:, 1], None),
    ]
    return torch.stack(taps).permute(1, 3, 0, 2)


def _row_of_taps(given: Tensor, pairs: Tensor, counts: Tensor | None) -> Tensor:
    """(D, 3, C): the gradient of one row of the kernel, from rows of gradients (N, D, w) and of pairs (N, w, 2·C)."""
    channels = pairs.shape[2] // 2
    both = _summed(torch.bmm(given, pairs), counts).view(-1, 2, channels)
    before = _summed(torch.bmm(given[:, :, 1:], pairs[:, :-1, channels:]), counts)
    return torch.cat([before[:, None], both], dim=1)


def _summed(products: Tensor, counts: Tensor | None) -> Tensor:
    return products.sum(dim=0) if counts is None else (counts @ products.flatten(1)).view(products.shape[1:])


def _cells(x: Tensor) -> Tensor:
    """(B·H·W, C), a view of a map in channels-last order."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _slow_natively(x: Tensor) -> bool:
    """Whether this is the case in which PyTorch's own kernel is slow; with wider registers it is not."""
    if x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
        return False
    in_order = x.is_contiguous(memory_format=torch.channels_last)
    return in_order and x.numel() > 0 and torch.backends.cpu.get_cpu_capability() == "AVX2"


def _is_first(layer: nn.Conv2d, x: Tensor) -> bool:
    """Whether the layer sees few channels, at full size."""
    return _is_3x3(layer, 1) and layer.in_channels <= _FEW and x.shape[3] >= _LEAST_WIDTH


def _halves(layer: nn.Conv2d, x: Tensor) -> bool:
    """Whether the layer halves the size of a large map without a rest."""
    even = x.shape[2] % 2 == 0 and x.shape[3] % 2 == 0
    return _is_3x3(layer, 2) and even and x.shape[3] >= 2 * _LEAST_WIDTH


def _is_3x3(layer: nn.Conv2d, stride: int) -> bool:
    shape = (layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups, layer.padding_mode)
    return shape == ((3, 3), (stride, stride), (1, 1), (1, 1), 1, "zeros")
