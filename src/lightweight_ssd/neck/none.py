"""No neck: the backbone's levels go to the head as they are, as in plain SSD."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["NoNeck"]


class NoNeck(nn.Module):
    """Returns the levels unchanged.

    Attributes:
        out_channels: Channels of each level.

    Source: table 3, the rows without a neck.
    """

    def __init__(self, in_channels: Sequence[int]) -> None:
        """Store the channels.

        Args:
            in_channels: Channels of each level of the backbone.
        """
        super().__init__()
        self.out_channels: tuple[int, ...] = tuple(in_channels)

    def forward(self, maps: list[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B _ _ _"]]:
        """Return the maps as they are."""
        return maps
