import numpy as np
import pytest

from lightweight_ssd.augment.flip import HorizontalFlip


def test_mirrors_or_not():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert np.array_equal(HorizontalFlip(p=1.0)(image=image)["image"], image[:, ::-1])
    assert np.array_equal(HorizontalFlip(p=0.0)(image=image)["image"], image)


def test_a_probability_is_asked_for():
    with pytest.raises(ValueError, match=r"flip\.p between 0 and 1, but got 2"):
        HorizontalFlip(p=2.0)
