"""Pooling of a map under boxes: whatever its size, a box becomes a grid of cells with the same number of features.

Both ways sample the map between its cells and work in at least float32: half of that precision would move the places
where they sample by whole pixels. What they return has the precision of the map, as the layers after them expect.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torchvision.ops import ps_roi_align, roi_align

from lightweight_ssd.ops.precision import at_least_float32

__all__ = ["PSRoIAlign", "RoIAlign"]


class RoIAlign:
    """Each cell of the grid is the mean of samples of all channels.

    Args:
        size: Cells of the grid along each side.
        sampling: Samples along each side of a cell.

    Source: He et al., "Mask R-CNN", 2017, section 3.
    """

    def __init__(self, size: int = 7, sampling: int = 2) -> None:
        self.size, self.sampling = _checked(size, sampling)

    def features(self, channels: int) -> int:
        """Number of features of a box, from a map of so many channels."""
        return channels * self.size**2

    def __call__(
        self, features: Float[Tensor, "B C H W"], boxes: Float[Tensor, "B R 4"], image_size: tuple[int, int]
    ) -> Float[Tensor, "N F"]:
        """Pool.

        Args:
            features: Map over the whole image.
            boxes: xyxy, pixels of the network's input.
            image_size: (H, W) of the network's input, pixels.

        Returns:
            The features of each box, those of the first image first, in the precision of the map.
        """
        wide = at_least_float32(features)
        placed = _on_map(wide, boxes, image_size)
        pooled = roi_align(wide, placed, self.size, sampling_ratio=self.sampling, aligned=True)
        return pooled.flatten(1).to(features.dtype)


class PSRoIAlign:
    """Each cell of the grid has channels of its own, and is the mean of samples of these.

    Args:
        size: Cells of the grid along each side.
        sampling: Samples along each side of a cell.

    Source: Dai et al., "R-FCN", 2016, section 2, for channels of a cell's own; ThunderNet (2019), section 3.2, for the
    samples between cells. Deviation: the mean of the samples, where ThunderNet's code takes the largest.
    """

    def __init__(self, size: int = 7, sampling: int = 2) -> None:
        self.size, self.sampling = _checked(size, sampling)

    def features(self, channels: int) -> int:
        """Number of features of a box, from a map of so many channels.

        Raises:
            ValueError: The channels cannot be shared out among the cells.
        """
        if channels % self.size**2:
            raise ValueError(
                f"Expected a map whose channels are a multiple of {self.size**2} for position-sensitive pooling in "
                f"{self.size}×{self.size} cells but got {channels}; set neck.channels, or take RoIAlign."
            )
        return channels

    def __call__(
        self, features: Float[Tensor, "B C H W"], boxes: Float[Tensor, "B R 4"], image_size: tuple[int, int]
    ) -> Float[Tensor, "N F"]:
        """Pool; see `RoIAlign`."""
        wide = at_least_float32(features)
        placed = _on_map(wide, boxes, image_size)
        return ps_roi_align(wide, placed, self.size, sampling_ratio=self.sampling).flatten(1).to(features.dtype)


def _on_map(
    features: Float[Tensor, "B C H W"], boxes: Float[Tensor, "B R 4"], image_size: tuple[int, int]
) -> Float[Tensor, "N 5"]:
    """Number of the image and box of each row, in cells and the precision of the map, as torchvision takes them."""
    (batch, count, _), (height, width) = boxes.shape, image_size
    boxes = boxes.to(features.dtype)
    rows, columns = features.shape[-2:]
    sides = [boxes[..., place] * scale for place, scale in enumerate((columns / width, rows / height) * 2)]
    image = torch.arange(batch, device=boxes.device, dtype=sides[0].dtype)[:, None].expand(batch, count)
    return torch.stack([image, *sides], dim=-1).flatten(0, 1)


def _checked(size: int, sampling: int) -> tuple[int, int]:
    if size < 1 or sampling < 1:
        raise ValueError(f"Expected size and sampling of the pooling of at least 1 but got {size} and {sampling}.")
    return size, sampling
