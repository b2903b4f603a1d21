"""Colours, textures and backgrounds of the drawn shapes; everything random comes from the generator passed in."""

import cv2
import numpy as np
from jaxtyping import Float, Float32

__all__ = ["background", "contrasting_colour", "random_colour", "texture"]

_FULL_TURN = 2 * np.pi
_COLOURS_TRIED = 3


def random_colour(rng: np.random.Generator) -> Float32[np.ndarray, " 3"]:
    """RGB, 0 to 255, of any hue and not too dark."""
    hsv = np.array([[[rng.uniform(0, 360), rng.uniform(0.25, 1), rng.uniform(0.25, 1)]]], dtype=np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0] * np.float32(255)


def contrasting_colour(rng: np.random.Generator, behind: Float32[np.ndarray, " 3"]) -> Float32[np.ndarray, " 3"]:
    """The best of a few random colours: an object of its background's colour would be an error of the labels."""
    colours = [random_colour(rng) for _ in range(_COLOURS_TRIED)]
    return max(colours, key=lambda colour: float(np.abs(colour - behind).sum()))


def texture(
    rng: np.random.Generator, size: tuple[int, int], colour: Float32[np.ndarray, " 3"]
) -> Float32[np.ndarray, "H W 3"]:
    """Plain, shaded, striped, dotted, checked or cloudy, around a colour; may leave 0 to 255 a little.

    Args:
        rng: Source of all that is random.
        size: (height, width), pixels.
        colour: RGB, 0 to 255.
    """
    strength = rng.uniform(20, 55) * rng.choice([-1, 1]) * rng.uniform(0.6, 1, size=3)
    return _times(_pattern(rng, size), strength) + colour


def background(rng: np.random.Generator, size: tuple[int, int]) -> Float32[np.ndarray, "H W 3"]:
    """Clouds of two sizes over a colour, at times with a weak texture."""
    image = (
        texture(rng, size, np.zeros(3, dtype=np.float32)) if rng.random() < 0.4 else np.zeros((*size, 3), np.float32)
    )
    image *= np.float32(0.4)
    image += random_colour(rng) * np.float32(0.7) + np.float32(40)
    for cells in (3, 12):
        image += _times(_clouds(rng, size, cells), rng.uniform(5, 45, size=3))
    return image


def _times(plane: Float32[np.ndarray, "H W"], factors: Float[np.ndarray, " 3"]) -> Float32[np.ndarray, "H W 3"]:
    """A plane times each of three factors: many times faster than broadcasting over an axis of three."""
    return cv2.merge([plane * factor for factor in factors.astype(np.float32)])


def _pattern(rng: np.random.Generator, size: tuple[int, int]) -> Float32[np.ndarray, "H W"]:
    """One of six patterns, −1 to 1, turned by a random angle."""
    angle, wave = rng.uniform(0, _FULL_TURN), _FULL_TURN / rng.uniform(8, 22)
    rows, columns = (np.arange(side, dtype=np.float32) for side in size)
    along = np.add.outer(rows * np.float32(np.sin(angle) * wave), columns * np.float32(np.cos(angle) * wave))
    across = np.add.outer(rows * np.float32(np.cos(angle) * wave), -columns * np.float32(np.sin(angle) * wave))
    kind = rng.integers(6)
    if kind == 0:
        return np.zeros(size, dtype=np.float32)
    if kind == 1:
        return along / np.float32(max(1.0, np.abs(along).max()))
    if kind == 2:
        return np.clip(np.sin(along) * np.float32(3), -1, 1)
    if kind == 3:
        return np.clip((np.cos(along) + np.cos(across) - np.float32(0.9)) * np.float32(3), -1, 1)
    if kind == 4:
        return np.clip(np.sin(along) * np.sin(across) * np.float32(5), -1, 1)
    return _clouds(rng, size, cells=max(2, max(size) // 10))


def _clouds(rng: np.random.Generator, size: tuple[int, int], cells: int) -> Float32[np.ndarray, "H W"]:
    """Smooth noise, about −1 to 1, with `cells` bumps along a side."""
    coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
