"""The cells of a feature map, and boxes of given sides at the center of each."""

import torch
from jaxtyping import Float32
from torch import Tensor

__all__ = ["boxes_on_cells", "sizes_of_cells"]


def boxes_on_cells(
    sides: Float32[Tensor, "K 2"], size: tuple[int, int], image_size: tuple[int, int]
) -> Float32[Tensor, "A 4"]:
    """Boxes of K shapes around the center of every cell, in the order row, column, shape.

    Plain tensor operations, so that sizes may be symbols of an exporter.

    Args:
        sides: (width, height) of each shape, pixels.
        size: (rows, columns) of the map.
        image_size: (H, W) of the network's input, pixels.

    Example:
        >>> boxes_on_cells(torch.tensor([[50.0, 20.0]]), (1, 2), (100, 200))
        tensor([[ 25.,  40.,  75.,  60.],
                [125.,  40., 175.,  60.]])
    """
    (rows, columns), (height, width) = size, image_size
    y = (torch.arange(rows, dtype=torch.float32, device=sides.device) + 0.5) * height / rows
    x = (torch.arange(columns, dtype=torch.float32, device=sides.device) + 0.5) * width / columns
    centers = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(-1, 1, 2)
    half = sides / 2
    return torch.cat([centers - half, centers + half], dim=-1).reshape(-1, 4)


def sizes_of_cells(
    per_cell: int, size: tuple[int, int], image_size: tuple[int, int], device: torch.device
) -> Float32[Tensor, "A 2"]:
    """(width, height) of the cell of every box that `boxes_on_cells` makes, pixels.

    Example:
        >>> sizes_of_cells(1, (1, 2), (100, 240), torch.device("cpu"))
        tensor([[120., 100.],
                [120., 100.]])
    """
    (rows, columns), (height, width) = size, image_size
    ones = torch.ones(rows * columns * per_cell, dtype=torch.float32, device=device)
    return torch.stack([ones * width / columns, ones * height / rows], dim=-1)
