import cv2
import numpy as np
import pytest

from lightweight_ssd.augment.color import ColorDistortion
from lightweight_ssd.augment.crop import SSDCrop
from lightweight_ssd.augment.flip import HorizontalFlip
from lightweight_ssd.augment.gray import Gray
from lightweight_ssd.augment.gray_mix_rgb import GrayMixRGB
from lightweight_ssd.augment.pipeline import FixedResize
from lightweight_ssd.ops.planes import as_image, is_planar, per_value, planes_of, whole_pixels


def noise(height: int = 30, width: int = 41) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def planar(image: np.ndarray) -> np.ndarray:
    return as_image(np.ascontiguousarray(image.transpose(2, 0, 1)))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (30, 41)])
def test_both_layouts_hold_the_same_pixels(size):
    image = noise(*size)
    assert np.array_equal(planar(image), image) and is_planar(planar(image))
    assert np.array_equal(planes_of(image), image.transpose(2, 0, 1)) and planes_of(image).flags.c_contiguous
    assert np.shares_memory(planes_of(given := planar(image)), given)
    for each in (image, planar(image), noise(60, 90)[5:35:2, 3:80:3]):
        assert np.array_equal(whole_pixels(each), each) and whole_pixels(each).flags.c_contiguous


def test_values_are_changed_alike_in_both_layouts_and_in_a_view():
    for image in (noise(), planar(noise()), noise(60, 90)[5:35, 3:50]):
        before = image.copy()
        changed = per_value(image, lambda values: cv2.add(values, -20.0))
        assert np.array_equal(changed, np.maximum(before.astype(int) - 20, 0)) and np.array_equal(image, before)
        assert is_planar(changed) == is_planar(image)


@pytest.mark.parametrize(
    "step",
    [
        SSDCrop(p=1.0),
        HorizontalFlip(p=1.0),
        GrayMixRGB(p=1.0),
        Gray(),
        FixedResize(20, 25),
        FixedResize(7, 50),
        *[ColorDistortion(each=share) for share in (0.0, 0.5, 1.0)],
    ],
)
def test_a_step_takes_either_layout(step):
    boxes, labels = np.array([[3, 4, 20, 25]], np.float32), np.array([7])
    for seed in range(10):
        image = noise()
        results = [
            step.apply_directly(each, boxes, labels, np.random.default_rng(seed)) for each in (image, planar(image))
        ]
        assert all(np.array_equal(one, other) for one, other in zip(*results, strict=True))
        assert np.array_equal(image, noise()), "the input is only read"
