"""Which proposals a training step learns from: a fixed number per image, few enough of them objects."""

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from lightweight_ssd.matching.matcher import Matcher
from lightweight_ssd.ops.random_draw import first_of, random_keys

__all__ = ["Drawing"]


class Drawing:
    """Draws proposals of each image at random, without waiting for the device.

    Args:
        matcher: Which proposal is an object's, which background; the criterion asks it again of those that were drawn.
        number: Proposals of an image.
        object_share: At most this share of them are objects', 0 to 1; the rest is background.

    Raises:
        ValueError: A setting is out of range.

    Source: Girshick, "Fast R-CNN", 2015, section 2.3.
    """

    def __init__(self, matcher: Matcher, number: int = 512, object_share: float = 0.25) -> None:
        if number < 1 or not 0 <= object_share <= 1:
            raise ValueError(
                f"Expected detector.draw.number of at least 1 and object_share from 0 to 1 but got {number} and "
                f"{object_share}."
            )
        self.matcher, self.number, self.object_share = matcher, number, object_share

    def __call__(
        self,
        proposals: Float[Tensor, "B N 4"],
        boxes: Float[Tensor, "B M 4"],
        labels: Int[Tensor, "B M"],
        seed: Int64[Tensor, ""],
    ) -> Float[Tensor, "B R 4"]:
        """The proposals to learn from; the objects themselves are proposals, too.

        Args:
            proposals: xyxy, pixels of the network's input; padding has no area.
            boxes: Objects, xyxy, likewise.
            labels: Of the objects; −1 where padded, −2 where the object is to be ignored.
            seed: Equal seeds draw equally.

        Returns:
            As many as `number`, or all where these are fewer; of no area where there was not enough to draw.
        """
        known = torch.where((labels >= 0)[..., None], boxes, 0.0)
        every = torch.cat([known.to(proposals.dtype), proposals], dim=1)
        matches = self.matcher(every, boxes, labels)
        keys = random_keys(seed, *every.shape[:2])
        objects = first_of(matches >= 0, keys, int(self.number * self.object_share))
        background = first_of(matches == -1, keys, self.number - objects.sum(dim=1, keepdim=True))
        taken = objects | background
        order = torch.where(taken, keys, 1.0).argsort(dim=1, stable=True)[:, : self.number, None]
        return torch.where(taken[..., None], every, 0.0).gather(1, order.expand(-1, -1, 4))
