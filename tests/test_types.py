import numpy as np
import pytest

from lightweight_ssd.types import xywh_to_xyxy, xyxy_to_xywh


@pytest.mark.parametrize("shape", [(0, 4), (4,), (3, 4), (2, 5, 4)])
def test_there_and_back_every_float32_box_is_the_same(shape: tuple[int, ...]) -> None:
    corner = np.random.default_rng(0).uniform(0, 500, (*shape[:-1], 2))
    boxes = np.concatenate([corner, corner * 1.7], axis=-1).astype(np.float32)
    there = xyxy_to_xywh(boxes)
    assert (there.shape, there.dtype) == (boxes.shape, np.float64)
    np.testing.assert_array_equal(xywh_to_xyxy(there).astype(np.float32), boxes)


def test_a_width_is_the_distance_of_the_corners() -> None:
    assert xyxy_to_xywh(np.array([1, 2, 4, 8], np.float32)).tolist() == [1, 2, 3, 6]
    assert xywh_to_xyxy(np.array([1, 2, 3, 6], np.float32)).tolist() == [1, 2, 4, 8]


def test_a_box_beyond_all_numbers_is_infinite_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    assert xywh_to_xyxy(np.array([1e308, 0, 1e308, 1])).tolist() == [1e308, 0, np.inf, 1]
    assert not recwarn.list
