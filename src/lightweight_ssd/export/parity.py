"""Parity: whether a written file finds what the network finds, run by its own runtime on real or drawn images."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from lightweight_ssd.export.network import DeployedNetwork

__all__ = ["BATCHES", "MOST_PIXELS", "MOST_SCORE", "Difference", "compare", "expect_equal"]

MOST_PIXELS, MOST_SCORE = 1e-2, 1e-4
BATCHES = (1, 3)

Run = Callable[[UInt8[np.ndarray, "B 3 H W"]], tuple[Float32[np.ndarray, "B A 4"], Float32[np.ndarray, "B A C"]]]


class Difference(NamedTuple):
    """The largest differences between a file and its network, over all anchors of all images.

    Attributes:
        images: Number of images that were compared.
        pixels: Of a side of a box inside the image, pixels of the network's input.
        score: Of a score, 0 to 1.
        where: The image, anchor and batch size of the largest one in terms of what is allowed, in words.
    """

    images: int
    pixels: float
    score: float
    where: str


def compare(
    network: DeployedNetwork, run: Run, images: UInt8[np.ndarray, "N 3 H W"], batches: Sequence[int] = BATCHES
) -> Difference:
    """Runs a file and its network on the same images.

    Of a file with a suppression, whose runtime gives the score 0 for what was dropped, the other scores are compared.

    Args:
        network: In evaluation mode, on the CPU.
        run: From images to boxes (xyxy, pixels of the images) and scores (0 to 1) of every anchor.
        images: Of the network's size.
        batches: Numbers of images that the file is given at once, one after another.

    Returns:
        The largest differences.
    """
    expected = _expected(network, images)
    found = [_difference(run, images, expected, size, network.clips) for size in batches]
    worst = max(found, key=lambda one: max(one.pixels / MOST_PIXELS, one.score / MOST_SCORE))
    return worst._replace(pixels=max(one.pixels for one in found), score=max(one.score for one in found))


def expect_equal(difference: Difference, path: object) -> None:
    """Refuses a float32 file that finds something else than its network.

    Raises:
        ValueError: With where it departs most.
    """
    if difference.pixels <= MOST_PIXELS and difference.score <= MOST_SCORE:
        return
    raise ValueError(
        f"Expected {path} to find what the checkpoint finds (boxes within {MOST_PIXELS:g} pixels, scores within "
        f"{MOST_SCORE:g}) but it departs by {difference.pixels:.3g} pixels and {difference.score:.3g}, most at "
        f"{difference.where}; the file is kept as {path}.failed. Please report this with the versions of its runtime."
    )


def _expected(network: DeployedNetwork, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One image after another, so that a large input needs no large batch."""
    with torch.no_grad():
        each = [network(torch.from_numpy(images[i : i + 1])) for i in range(len(images))]
        first, second = (torch.cat(parts) for parts in zip(*each, strict=True))
        boxes, scores = network.boxes_and_scores((first, second))
    return boxes.numpy(), scores.numpy()


def _difference(
    run: Run, images: np.ndarray, expected: tuple[np.ndarray, np.ndarray], size: int, suppressed: bool
) -> Difference:
    parts = [run(images[start : start + size]) for start in range(0, len(images), size)]
    boxes, scores = (np.concatenate(each) for each in zip(*parts, strict=True))
    limit = np.array([images.shape[3], images.shape[2]] * 2, np.float32)
    pixels = np.abs(np.clip(boxes, 0, limit) - np.clip(expected[0], 0, limit)).max(axis=-1)
    kept = scores > 0 if suppressed else True
    score = np.abs(scores - np.where(kept, expected[1], 0)).max(axis=-1)
    worst = np.maximum(pixels / MOST_PIXELS, score / MOST_SCORE)
    image, anchor = np.unravel_index(int(np.nan_to_num(worst, nan=np.inf).argmax()), worst.shape)
    where = f"anchor {anchor} of image {image} in batches of {size}"
    return Difference(len(images), float(pixels.max()), float(score.max()), where)
