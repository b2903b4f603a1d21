"""What heads are built from: a convolution per level, and its map as one row per anchor."""

from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["check_predictors", "per_anchor", "predictor"]


def check_predictors(num_classes: int, kernel_size: int, prior: float) -> None:
    """Refuse settings of a head that are out of range.

    Args:
        num_classes: Classes, background not counted.
        kernel_size: Side of the predictors' kernels.
        prior: Score before training.

    Raises:
        ValueError: For a prior outside 0 to 1, an even kernel or no classes.
    """
    if not 0 < prior < 1:
        raise ValueError(f"Expected the prior of the head to lie between 0 and 1 but got {prior}.")
    if kernel_size % 2 == 0:
        raise ValueError(f"Expected an odd kernel_size of the head but got {kernel_size}; choose 1, 3, 5, …")
    if num_classes < 1:
        raise ValueError(f"Expected one class or more but got {num_classes}.")


def predictor(in_channels: int, out_channels: int, kernel_size: int, std: float, bias: float) -> nn.Conv2d:
    """One convolution that starts out saying about `bias` everywhere.

    Args:
        in_channels: Of the level.
        out_channels: Values per anchor times anchors per cell.
        kernel_size: Side of the kernel; odd.
        std: Standard deviation of the weights before training.
        bias: Of every output before training.
    """
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
    nn.init.normal_(conv.weight, std=std)
    assert conv.bias is not None
    nn.init.constant_(conv.bias, bias)
    return conv


def per_anchor(x: Float[Tensor, "B _ H W"], values: int) -> Float[Tensor, "B _ _"]:
    """(B, anchors·values, H, W) to (B, H·W·anchors, values): row by row, cell by cell, anchor by anchor."""
    batch, channels, rows, columns = x.shape
    return x.permute(0, 2, 3, 1).reshape(batch, rows * columns * channels // values, values)
