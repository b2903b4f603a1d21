"""The same bytes as the recipe's resize, whatever the size; nothing of Albumentations is needed for them."""

import cv2
import numpy as np
import pytest

from lightweight_ssd.augment.pipeline import FixedResize, Pipeline
from lightweight_ssd.ops.resize import resize

SIZES = [(60, 40), (40, 60), (300, 300), (1000, 130), (130, 1000), (641, 480), (1, 1), (7, 900), (2000, 1500)]


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height + width).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(64, 96), (300, 300), (33, 200)])
@pytest.mark.parametrize("shape", SIZES)
def test_it_is_the_resize_of_training(shape: tuple[int, int], size: tuple[int, int]) -> None:
    image = picture(*shape)
    resized = resize(image, size)
    assert resized.shape == (*size, 3) and resized.dtype == np.uint8
    np.testing.assert_array_equal(resized, FixedResize(*size, interpolation=cv2.INTER_LINEAR, p=1.0).apply(image))
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    np.testing.assert_array_equal(resized, Pipeline({}, size)(image, *none, generator=np.random.default_rng(0))[0])


def test_an_image_of_that_size_stays_as_it_is() -> None:
    image = picture(40, 60)
    np.testing.assert_array_equal(resize(image, (40, 60)), image)


def test_much_shrinking_averages() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[::2] = 255
    assert np.ptp(resize(stripes, (100, 100))) == 0
