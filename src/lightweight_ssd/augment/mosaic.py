"""Mosaic: four images on one canvas, so that one sample shows more objects, at smaller sizes and in other contexts."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8

from lightweight_ssd.types import Annotation

__all__ = ["Mosaic", "tile"]


def tile(
    image: UInt8[np.ndarray, "H W 3"],
    boxes: Float32[np.ndarray, "N 4"],
    region: UInt8[np.ndarray, "h w 3"],
    at: tuple[float, float],
) -> tuple[Float32[np.ndarray, "N 4"], Float32[np.ndarray, " N"]]:
    """Cuts out of an image the largest window of a region's aspect (to the pixel), and scales it into the region.

    Linear scaling alone would skip pixels, and so alias, once it shrinks more than twofold. There blocks of whole
    pixels are averaged first, at a fifth of the cost of averaging over fractions of pixels.

    Args:
        image: RGB.
        boxes: xyxy, pixels of `image`.
        region: View of the canvas that the pixels are written to.
        at: Position of the window, down and to the right, as shares of the surplus, 0 to 1.

    Returns:
        The boxes in pixels of the region, clipped to it, and the share of each box's area that is left, 0 to 1.

    Example:
        >>> region = np.empty((5, 5, 3), np.uint8)
        >>> boxes, left = tile(np.zeros((10, 20, 3), np.uint8), np.float32([[0, 0, 10, 10]]), region, (0.0, 0.0))
        >>> boxes.tolist(), left.tolist()
        ([[0.0, 0.0, 5.0, 5.0]], [1.0])
    """
    (height, width), (image_height, image_width) = region.shape[:2], image.shape[:2]
    shrink = min(image_height / height, image_width / width)
    block = max(1, int(shrink))
    rows = block * min(image_height // block, max(1, round(height * shrink / block)))
    columns = block * min(image_width // block, max(1, round(width * shrink / block)))
    top, left = round(at[0] * (image_height - rows)), round(at[1] * (image_width - columns))
    window = image[top : top + rows, left : left + columns]
    if block > 1:
        window = cv2.resize(window, (columns // block, rows // block), interpolation=cv2.INTER_AREA)
    cv2.resize(window, (width, height), dst=region)
    moved = (boxes - np.array([left, top] * 2, np.float32)) * np.array([width / columns, height / rows] * 2, np.float32)
    clipped = np.minimum(np.maximum(moved, 0), np.array([width, height] * 2, np.float32))
    return clipped, _area(clipped) / np.maximum(_area(moved), np.finfo(np.float32).tiny)


def _area(boxes: Float32[np.ndarray, "N 4"]) -> Float32[np.ndarray, " N"]:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


class Mosaic:
    """Puts the sample and three partners into the four quarters around a random point of one canvas.

    Each image is cut at a random place to the aspect of its quarter and scaled to fill it, so that nothing is
    padded. The partners are drawn from the whole data set and read through it; none is kept, unless they are nearby.
    The canvas is larger than the network's input, since a crop that follows magnifies it again.

    Args:
        p: Probability, 0 to 1.
        scale: Side of the canvas over the side of the network's input, above 0.
        center: Range of the meeting point in both directions, share of the canvas, within 0 to 1.
        min_visible_area: A box stays if at least this share of its area is inside its tile, 0 to 1.
        close_epoch: First epoch without Mosaic, from 0; None = it never closes.
        nearby: Draws the partners, three different ones, from the 16 images that stand near the sample in the shuffled
            order of the epoch. A loader worker keeps these, up to 64 MB, and reads each file once, not four times;
            the images of a batch have more in common.

    Raises:
        ValueError: If a value is outside its range; on a call, if it cannot draw partners.

    Source: Mosaic as in the paper's section on augmentation, after YOLOv4; the paper prints none of these values.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: float = 2.0,
        center: Sequence[float] = (0.25, 0.75),
        min_visible_area: float = 0.3,
        close_epoch: int | None = None,
        nearby: bool = False,
    ) -> None:
        for name, value in (("p", p), ("min_visible_area", min_visible_area)):
            if not 0 <= value <= 1:
                raise ValueError(f"Expected augment.steps.mosaic.{name} between 0 and 1, but got {value}.")
        if len(center) != 2 or not 0 < center[0] <= center[1] < 1:
            raise ValueError(f"Expected augment.steps.mosaic.center as two rising shares in (0, 1), but got {center}.")
        if scale <= 0:
            raise ValueError(f"Expected augment.steps.mosaic.scale above 0, but got {scale}.")
        self.p = p
        self.scale = scale
        self.center = (center[0], center[1])
        self.min_visible_area = min_visible_area
        self.close_epoch = close_epoch
        self.nearby = nearby

    def active(self, epoch: int) -> bool:
        """Whether Mosaic is still on: a function of the epoch alone, so the same in every worker and after a resume."""
        return self.close_epoch is None or epoch < self.close_epoch

    def __call__(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        boxes: Float32[np.ndarray, "N 4"],
        labels: Int64[np.ndarray, " N"],
        *,
        generator: np.random.Generator,
        epoch: int,
        draw: Callable[[int], tuple[np.ndarray, Annotation]] | None,
        count: int,
        size: tuple[int, int],
    ) -> tuple[UInt8[np.ndarray, "h w 3"], Float32[np.ndarray, "M 4"], Int64[np.ndarray, " M"]]:
        """Makes a mosaic, or returns the image unchanged with probability 1 − p and once Mosaic is closed.

        Args:
            image: RGB.
            boxes: xyxy, pixels of `image`.
            labels: Class index of each box.
            generator: Source of all randomness.
            epoch: From 0.
            draw: Reads image number i of those on offer, with its annotation.
            count: Number of images that `draw` can read.
            size: Input of the network: height, width.
        """
        if not self.active(epoch) or generator.random() >= self.p:
            return image, boxes, labels
        if draw is None or count < 1:
            raise ValueError(
                "Expected a data set to draw Mosaic's partners from, but got none; use it in training only."
            )
        numbers = generator.choice(count, 3, replace=count < 3) if self.nearby else generator.integers(count, size=3)
        partners = [draw(int(index)) for index in numbers]
        members = [(image, boxes, labels), *((other, known.boxes, known.labels) for other, known in partners)]
        order = generator.permutation(4)
        return self._compose([members[place] for place in order], generator, size)

    def _compose(
        self,
        members: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
        generator: np.random.Generator,
        size: tuple[int, int],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        height, width = (max(2, round(side * self.scale)) for side in size)
        share = generator.uniform(*self.center, size=2)
        middle = (np.clip(round(share[0] * height), 1, height - 1), np.clip(round(share[1] * width), 1, width - 1))
        canvas = np.empty((height, width, 3), np.uint8)
        all_boxes, all_labels = [], []
        quarters = [(0, 0), (0, 1), (1, 0), (1, 1)]
        for (image, boxes, labels), (down, right) in zip(members, quarters, strict=True):
            top, bottom = ((0, int(middle[0])), (int(middle[0]), height))[down]
            left, end = ((0, int(middle[1])), (int(middle[1]), width))[right]
            at = (float(generator.random()), float(generator.random()))
            inside, visible = tile(image, boxes, canvas[top:bottom, left:end], at)
            stays = (visible >= self.min_visible_area) & (visible > 0)
            all_boxes.append(inside[stays] + np.array([left, top, left, top], np.float32))
            all_labels.append(labels[stays])
        return canvas, np.concatenate(all_boxes), np.concatenate(all_labels)
