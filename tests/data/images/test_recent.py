import pickle

import numpy as np
import pytest

from lightweight_ssd.data.images.recent import RecentImages


def image(value: int, side: int = 2) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def test_nothing_is_kept_at_first():
    recent = RecentImages(most=2, most_bytes=100)
    assert recent.get(0) is None and len(recent) == 0


def test_the_oldest_goes_first_by_count_and_by_bytes():
    recent = RecentImages(most=3, most_bytes=30)
    recent.keep(0, image(0))
    recent.keep(1, image(1))
    recent.keep(1, image(9))  # already there
    assert np.array_equal(recent.get(1), image(1))
    recent.keep(2, image(2))
    assert recent.get(0) is None and len(recent) == 2, "three would need 36 bytes"
    recent.keep(3, image(3, side=4))
    assert recent.get(3) is None and len(recent) == 2, "48 bytes alone are too many"
    for number in range(4, 9):
        recent.keep(number, image(number, side=1))
    assert [number for number in range(9) if recent.get(number) is not None] == [6, 7, 8]


def test_a_kept_image_cannot_be_written_to():
    recent = RecentImages(most=1, most_bytes=100)
    recent.keep(0, image(5))
    with pytest.raises(ValueError, match="read-only"):
        recent.get(0)[0, 0, 0] = 1


def test_a_spawned_worker_starts_with_none():
    recent = RecentImages(most=2, most_bytes=100)
    recent.keep(0, image(0))
    copy = pickle.loads(pickle.dumps(recent))
    assert len(copy) == 0 and (copy.most, copy.most_bytes) == (2, 100)
