import cv2
import numpy as np
import pytest

from lightweight_ssd.augment.gray_mix_rgb import GrayMixRGB, gray_mix_rgb


def printed_loop(image: np.ndarray) -> np.ndarray:
    """The paper's listing, one pixel at a time."""
    result = image.copy()
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            least, channel = 256, -1
            for candidate in range(3):
                if image[row, column, candidate] < least:
                    least, channel = int(image[row, column, candidate]), candidate
            if gray[row, column] > least:
                result[row, column, channel] = gray[row, column]
    return result


def images() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    gray = np.repeat(rng.integers(0, 256, (16, 16, 1), dtype=np.uint8), 3, axis=2)
    levels = np.array([0, 1, 2, 127, 128, 254, 255], np.uint8)
    every_tie = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(7, 49, 3)
    return {
        "random": rng.integers(0, 256, (61, 47, 3), dtype=np.uint8),
        "near black": rng.integers(0, 4, (32, 32, 3), dtype=np.uint8),
        "near white": rng.integers(252, 256, (32, 32, 3), dtype=np.uint8),
        "gray": gray,
        "black": np.zeros((5, 7, 3), np.uint8),
        "white": np.full((5, 7, 3), 255, np.uint8),
        "ties": every_tie,
        "one pixel": np.array([[[9, 3, 3]]], np.uint8),
        "a view": rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)[::2, 3:21],
    }


@pytest.mark.parametrize("name", images())
def test_equals_the_printed_loop_byte_for_byte(name):
    image = images()[name]
    before = image.copy()
    assert np.array_equal(gray_mix_rgb(image), printed_loop(image))
    assert np.array_equal(image, before), "the input must not change"


def test_gray_is_never_below_the_smallest_channel():
    levels = np.arange(256, dtype=np.uint8)
    for low in (0, 1, 77, 254, 255):
        pixels = np.stack(np.broadcast_arrays(np.uint8(low), levels[:, None], levels[None]), axis=-1)
        for order in ((0, 1, 2), (1, 0, 2), (1, 2, 0)):
            image = np.ascontiguousarray(pixels[..., order])
            assert (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) >= image.min(axis=2)).all()


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)]
)
def test_other_images_are_refused(image):
    with pytest.raises(ValueError, match=r"uint8 and shape \(H, W, 3\)"):
        gray_mix_rgb(image)
    with pytest.raises(ValueError, match="but got"):
        GrayMixRGB(p=1.0)(image=image)


def test_probability():
    image = images()["random"]
    assert np.array_equal(GrayMixRGB(p=0.0)(image=image)["image"], image)
    assert np.array_equal(GrayMixRGB(p=1.0)(image=image)["image"], gray_mix_rgb(image))
    with pytest.raises(ValueError, match=r"gray_mix_rgb\.p"):
        GrayMixRGB(p=1.5)
