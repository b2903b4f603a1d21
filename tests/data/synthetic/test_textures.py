from statistics import NormalDist

import numpy as np
import pytest

from lightweight_ssd.data.synthetic.textures import (
    _mixed,
    _pattern,
    add_noise,
    background,
    contrasting_color,
    random_colors,
    texture,
)

SIZE = (120, 160)


def noise(seed: int, deviation: float) -> np.ndarray:
    image = np.full((*SIZE, 3), 128, dtype=np.uint8)
    add_noise(np.random.default_rng(seed), image, deviation)
    return image.astype(int) - 128


@pytest.mark.parametrize("deviation", [1.0, 3.5, 6.0])
def test_noise_is_normal(deviation: float) -> None:
    """Against the normal distribution itself: 57,600 draws, whose shares differ from it by about 0.2 %."""
    drawn = noise(0, deviation)
    assert abs(drawn.mean()) < 0.03 * deviation
    assert drawn.std() == pytest.approx(np.sqrt(deviation**2 + 1 / 12), rel=0.02)  # 1/12: rounding to gray levels
    for limit in range(-8, 9):
        share = (drawn <= limit).mean()
        assert share == pytest.approx(NormalDist(0, deviation).cdf(limit + 0.5), abs=0.01)


def test_noise_is_of_its_own_in_each_channel_and_picture() -> None:
    planes = np.stack([noise(0, 4.0), noise(1, 4.0)]).transpose(0, 3, 1, 2).reshape(6, -1)
    together = np.corrcoef(planes) - np.eye(6)
    assert np.abs(together).max() < 0.05
    neighbours = np.corrcoef(noise(0, 4.0)[:, 1:, 0].ravel(), noise(0, 4.0)[:, :-1, 0].ravel())[0, 1]
    assert abs(neighbours) < 0.05


def test_noise_ends_at_black_and_white() -> None:
    for level in (0, 255):
        image = np.full((*SIZE, 3), level, dtype=np.uint8)
        add_noise(np.random.default_rng(0), image, 6.0)
        assert np.abs(image.astype(int) - level).max() <= 18


def test_mixing_is_a_color_plus_patterns_times_factors() -> None:
    """OpenCV's 8-bit arithmetic against floating-point numbers, to a gray level."""
    rng = np.random.default_rng(0)
    planes = [rng.integers(256, size=SIZE, dtype=np.uint8) for _ in range(3)]
    factors, color = rng.uniform(-55, 55, (3, 3)), rng.uniform(0, 255, 3).astype(np.float32)
    units = (np.stack(planes, axis=-1) - 128.0) / 100
    assert np.abs(_mixed(planes, factors, color) - np.clip(units @ factors + color, 0, 255)).max() < 1


def test_patterns_fill_their_range_and_rarely_leave_it() -> None:
    planes = [_pattern(np.random.default_rng(seed), SIZE) for seed in range(120)]
    uneven = [plane for plane in planes if np.ptp(plane) > 0]
    assert 8 <= len(planes) - len(uneven) <= 35, "one of six is plain"
    for plane in uneven:
        assert np.ptp(plane) > 90
        assert (np.abs(plane.astype(int) - 128) > 100).mean() < 0.05


def test_a_texture_lies_around_its_color() -> None:
    color = np.array([100, 130, 160], dtype=np.float32)
    for seed in range(60):
        drawn = texture(np.random.default_rng(seed), SIZE, color)
        assert drawn.shape == (*SIZE, 3) and drawn.dtype == np.uint8
        assert np.abs(drawn - color).max() < 75
        assert np.abs(np.median(drawn, axis=(0, 1)) - color).max() < 60


def test_backgrounds_differ_in_color_and_are_uneven() -> None:
    drawn = [background(np.random.default_rng(seed), SIZE) for seed in range(30)]
    assert np.std([image.mean(axis=(0, 1)) for image in drawn], axis=0).min() > 15
    assert min(image.std(axis=(0, 1)).mean() for image in drawn) > 3


def test_an_objects_color_stands_out() -> None:
    """The best of three is further away than one alone, on average over pictures."""
    behind = np.array([128, 128, 128], dtype=np.float64)
    rng = np.random.default_rng(0)
    chosen = np.array([contrasting_color(rng, behind) for _ in range(200)])
    any_colors = random_colors(rng, 200)
    assert np.abs(chosen - behind).sum(axis=1).mean() > 1.2 * np.abs(any_colors - behind).sum(axis=1).mean()
    assert any_colors.min() >= 0 and any_colors.max() <= 255 and any_colors.max(axis=1).min() >= 0.25 * 255 - 0.01
