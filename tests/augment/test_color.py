import colorsys

import cv2
import numpy as np
import pytest

from lightweight_ssd.augment.color import ColorDistortion, Distortion, distort


def noise(height: int = 9, width: int = 11) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_nothing_drawn_changes_nothing():
    assert np.array_equal(distort(noise(), Distortion()), noise())
    assert np.array_equal(ColorDistortion(each=0.0)(image=noise())["image"], noise())
    assert np.array_equal(ColorDistortion(p=0.0)(image=noise())["image"], noise())


@pytest.mark.parametrize("last", [False, True])
def test_brightness_and_contrast_are_cut_off_one_after_the_other(last):
    image = np.array([[[0, 100, 250]]], np.uint8)
    out = distort(image, Distortion(brightness=0.1, contrast=0.5, contrast_last=last))
    assert np.abs(out.astype(int) - [[[13, 63, 128]]]).max() <= 1
    assert distort(image, Distortion(brightness=-0.1, contrast=1.5, contrast_last=last))[0, 0, 0] == 0


@pytest.mark.parametrize(
    "hue", [-180.0, -150.0, -90.0, -31.0, -18.0, 0.0, 1.0, 18.0, 29.9, 30.1, 60.0, 75.0, 120.0, 179.0]
)
@pytest.mark.parametrize("saturation", [0.0, 0.6, 1.0, 1.5, 3.0])
def test_hue_and_saturation_are_those_of_hsv(hue, saturation):
    image = noise(16, 16)
    image[:4] = image[:4] // 64 * 85  # primary and mixed colors, grays, black and white, where branches meet
    out = distort(image, Distortion(hue=hue, saturation=saturation))
    expected = [_in_hsv(pixel, hue / 360, saturation) for pixel in image.reshape(-1, 3) / 255]
    worst = 0.51 if saturation == 1 else 2.1
    assert np.abs(out.reshape(-1, 3) - 255 * np.array(expected)).max() <= worst


def _in_hsv(pixel: np.ndarray, turn: float, factor: float) -> tuple[float, float, float]:
    hue, saturation, value = colorsys.rgb_to_hsv(*pixel.tolist())
    return colorsys.hsv_to_rgb((hue + turn) % 1, min(1.0, saturation * factor), value)


def test_a_third_of_a_turn_moves_whole_planes():
    assert np.array_equal(distort(noise(), Distortion(hue=120.0)), noise()[..., [2, 0, 1]])
    assert np.array_equal(distort(noise(), Distortion(hue=-120.0)), noise()[..., [1, 2, 0]])


def test_no_saturation_leaves_the_value():
    out = distort(noise(), Distortion(saturation=0.0))
    assert np.array_equal(out, np.repeat(noise().max(axis=2, keepdims=True), 3, axis=2))


@pytest.mark.parametrize("factor", [0.1, 0.5, 0.9, 0.999, 1.001, 1.3, 1.5])
def test_saturation_keeps_hue_and_value_up_to_rounding(factor):
    image = cv2.GaussianBlur(noise(40, 40), (5, 5), 2)
    out = distort(image, Distortion(saturation=factor)).astype(float)
    largest, smallest = (ends(image.astype(float), axis=2, keepdims=True) for ends in (np.max, np.min))
    most = largest / np.maximum(largest - smallest, 1)  # no value of a saturated color goes below zero
    expected = largest - (largest - image) * np.minimum(factor, most)
    assert np.abs(out - expected).max() <= 1


def test_gray_stays_gray():
    gray = np.repeat(noise()[..., :1], 3, axis=2)
    out = distort(gray, Distortion(saturation=1.5, hue=90.0))
    assert np.array_equal(out, gray)


def test_drawn_strengths_stay_in_their_ranges_and_reach_their_ends():
    step = ColorDistortion(brightness=0.2, contrast=(0.8, 1.1), saturation=(0.3, 1.2), hue=30.0, each=0.5)
    step.set_random_seed(0)
    drawn = np.array([step.get_params()["by"] for _ in range(2000)])
    lows, highs = drawn.min(axis=0), drawn.max(axis=0)
    assert np.allclose(lows, [-0.2, 0.8, 0.3, -30, 0], atol=0.2)
    assert np.allclose(highs, [0.2, 1.1, 1.2, 30, 1], atol=0.2)
    assert (lows[:4] >= [-0.2, 0.8, 0.3, -30]).all() and (highs[:4] <= [0.2, 1.1, 1.2, 30]).all()
    untouched = (drawn[:, :4] == [0, 1, 1, 0]).mean(axis=0)
    assert np.allclose(untouched, 0.5, atol=0.05)


def test_the_input_is_not_written_to():
    image = noise()
    step = ColorDistortion(each=1.0)
    for seed in range(5):
        step.set_random_seed(seed)
        out = step(image=image)["image"]
        assert out.dtype == np.uint8 and out.shape == image.shape
    assert np.array_equal(image, noise())
    assert np.array_equal(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.cvtColor(noise(), cv2.COLOR_RGB2GRAY))


@pytest.mark.parametrize(
    "wrong",
    [{"brightness": 2.0}, {"hue": 200.0}, {"each": -1.0}, {"p": 3.0}, {"contrast": (1.5, 0.5)}, {"saturation": (1.0,)}],
)
def test_values_outside_their_ranges_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"color\.{next(iter(wrong))} "):
        ColorDistortion(**wrong)
