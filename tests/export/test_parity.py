"""A file that finds something else is refused, with the place where it departs most."""

import numpy as np
import pytest
import torch
from tests.export.conftest import settled_detector

from lightweight_ssd.export.network import DeployedNetwork
from lightweight_ssd.export.parity import compare, expect_equal

NETWORK = DeployedNetwork(settled_detector(), (72, 72))
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 3, 72, 72), dtype=np.uint8)


def _run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        boxes, scores = NETWORK(torch.from_numpy(images))
    return boxes.numpy(), scores.numpy()


@pytest.mark.parametrize("outputs", ["boxes", "raw"])
def test_the_same_network_does_not_depart(outputs: str) -> None:
    difference = compare(DeployedNetwork(settled_detector(), (72, 72), outputs), _run, IMAGES)  # pyright: ignore[reportArgumentType]
    assert difference.images == 4
    assert difference.pixels < 1e-3 and difference.score < 1e-5
    expect_equal(difference, "a.onnx")


def test_a_box_that_departs_in_batches_of_three_only_is_named() -> None:
    def wrong(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        boxes, scores = (each.copy() for each in _run(images))
        if len(images) == 3:
            boxes[1, 7] = np.clip(boxes[1, 7], 10, 60) + 2
        return boxes, scores

    difference = compare(NETWORK, wrong, IMAGES)
    with pytest.raises(
        ValueError, match=r"Expected a\.onnx .* most at anchor 7 of image 1 in batches of 3; .*a\.onnx\.failed"
    ):
        expect_equal(difference, "a.onnx")


def test_numbers_that_are_none_are_a_departure() -> None:
    def wrong(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        boxes, scores = _run(images)
        return boxes, np.full_like(scores, np.nan)

    with pytest.raises(ValueError, match="departs by"):
        expect_equal(compare(NETWORK, wrong, IMAGES), "a.onnx")


def test_boxes_outside_the_image_may_differ() -> None:
    def wide(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        boxes, scores = _run(images)
        return np.where(boxes > 72, boxes + 50, boxes), scores

    expect_equal(compare(NETWORK, wide, IMAGES), "a.onnx")
