"""Colors, textures, backgrounds and noise of the drawn shapes; everything random comes from the generator passed in.

Pictures are 8-bit from the start, since OpenCV mixes 8-bit planes many times faster than floating-point ones. A pattern
is a plane, too: 128 where it changes nothing, `_LEVELS` more or less where it is 1 or −1.
"""

from statistics import NormalDist

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

__all__ = ["add_noise", "background", "contrasting_color", "random_colors", "texture"]

_FULL_TURN = 2 * np.pi
_COLORS_TRIED = 3
_MIDDLE, _LEVELS = 128, 100  # the cubic curves of clouds leave −1 to 1 a little
_DEVIATES = np.array([NormalDist().inv_cdf((level + 0.5) / 256) for level in range(256)])  # each as likely


def random_colors(rng: np.random.Generator, number: int) -> Float32[np.ndarray, "{number} 3"]:
    """RGB, 0 to 255, of any hue and not too dark."""
    least, span = np.array([[0, 0.25, 0.25], [360, 0.75, 0.75]], dtype=np.float32)
    hsv = least + span * rng.random((1, number, 3), dtype=np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0] * np.float32(255)


def contrasting_color(rng: np.random.Generator, behind: Float[np.ndarray, " 3"]) -> Float32[np.ndarray, " 3"]:
    """The best of a few random colors: an object of its background's color would be an error of the labels."""
    colors = random_colors(rng, _COLORS_TRIED)
    return colors[np.abs(colors - behind).sum(axis=1).argmax()]


def texture(
    rng: np.random.Generator, size: tuple[int, int], color: Float32[np.ndarray, " 3"]
) -> UInt8[np.ndarray, "H W 3"]:
    """Plain, shaded, striped, dotted, checked or cloudy, around a color.

    Args:
        rng: Source of all that is random.
        size: (height, width), pixels.
        color: RGB, 0 to 255.
    """
    return _mixed([_pattern(rng, size)] * 3, np.diag(_strength(rng)), color)


def background(rng: np.random.Generator, size: tuple[int, int]) -> UInt8[np.ndarray, "H W 3"]:
    """Clouds of two sizes over a color, at times with a weak texture."""
    color = random_colors(rng, 1)[0] * np.float32(0.7) + np.float32(40)
    weak = _pattern(rng, size) if rng.random() < 0.4 else _plain(size)
    clouds = [_clouds(rng, size, cells) for cells in (3, 12)]
    return _mixed([weak, *clouds], np.vstack([0.4 * _strength(rng), rng.uniform(5, 45, size=(2, 3))]), color)


def add_noise(rng: np.random.Generator, image: UInt8[np.ndarray, "H W 3"], deviation: float) -> None:
    """Adds normal noise in place, of its own in each channel.

    It is looked up for random bytes: 256 values, each as likely, are all that 8-bit pixels need of the normal
    distribution, and take a sixth of the time.

    Args:
        rng: Source of the noise.
        image: Changed.
        deviation: Standard deviation, gray levels, at most 40.
    """
    levels = np.round(_MIDDLE + deviation * _DEVIATES).astype(np.uint8)
    noise = cv2.LUT(rng.integers(256, size=image.shape, dtype=np.uint8), levels)
    cv2.addWeighted(image, 1, noise, 1, -_MIDDLE, dst=image)


def _strength(rng: np.random.Generator) -> Float[np.ndarray, " 3"]:
    """How far a pattern moves each channel, gray levels; all the same way."""
    return rng.uniform(20, 55) * (1 if rng.random() < 0.5 else -1) * rng.uniform(0.6, 1, size=3)


def _mixed(
    planes: list[UInt8[np.ndarray, "H W"]], factors: Float[np.ndarray, "3 3"], color: Float32[np.ndarray, " 3"]
) -> UInt8[np.ndarray, "H W 3"]:
    """A color plus three patterns; row k of the factors is what pattern k adds to each channel where it is 1."""
    scaled = factors.T / _LEVELS
    return cv2.transform(cv2.merge(planes), np.column_stack([scaled, color - _MIDDLE * scaled.sum(axis=1)]))


def _pattern(rng: np.random.Generator, size: tuple[int, int]) -> UInt8[np.ndarray, "H W"]:
    """One of six, turned by a random angle."""
    kind, angle, wave = rng.integers(6), rng.uniform(0, _FULL_TURN), _FULL_TURN / rng.uniform(8, 22)
    if kind == 0:
        return _plain(size)
    if kind == 1:
        along = _slope(size, angle, wave)
        return _as_levels(along / max(1.0, float(np.abs(along).max())))
    if kind == 2:
        return _as_levels(np.sin(_slope(size, angle, wave)) * 3)
    if kind == 3:
        along, across = _slope(size, angle, wave), _slope(size, angle + _FULL_TURN / 4, wave)
        return _as_levels((np.cos(along) + np.cos(across) - 0.9) * 3)
    if kind == 4:
        along, across = _slope(size, angle, wave), _slope(size, angle + _FULL_TURN / 4, wave)
        return _as_levels(np.sin(along) * np.sin(across) * 5)
    return _clouds(rng, size, cells=max(2, max(size) // 10))


def _plain(size: tuple[int, int]) -> UInt8[np.ndarray, "H W"]:
    return np.full(size, _MIDDLE, dtype=np.uint8)


def _slope(size: tuple[int, int], angle: float, wave: float) -> Float32[np.ndarray, "H W"]:
    """A plane that rises by `wave` a pixel, towards an angle."""
    rows, columns = (np.arange(side, dtype=np.float32) for side in size)
    return np.add.outer(rows * np.float32(np.sin(angle) * wave), columns * np.float32(np.cos(angle) * wave))


def _as_levels(plane: Float32[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W"]:
    return cv2.convertScaleAbs(np.clip(plane, -1, 1), alpha=_LEVELS, beta=_MIDDLE)


def _clouds(rng: np.random.Generator, size: tuple[int, int], cells: int) -> UInt8[np.ndarray, "H W"]:
    """Smooth noise with `cells` bumps along a side."""
    coarse = rng.integers(_MIDDLE - _LEVELS, _MIDDLE + _LEVELS + 1, (cells, cells), dtype=np.uint8)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
