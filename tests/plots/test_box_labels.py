import numpy as np
import pytest

from lightweight_ssd.plots.box_labels import place_labels


def _overlaps(places: np.ndarray, sizes: np.ndarray) -> int:
    low = np.maximum(places[:, None], places[None])
    high = np.minimum((places + sizes)[:, None], (places + sizes)[None])
    return int(((high - low) > 0).all(2)[np.triu_indices(len(places), 1)].sum())


def test_no_boxes_have_no_places() -> None:
    assert place_labels(np.zeros((0, 4)), np.zeros((0, 2)), 10, 10).shape == (0, 2)


@pytest.mark.parametrize("inside", [False, True])
def test_eight_labels_of_one_box_find_room_without_an_overlap(inside: bool) -> None:
    boxes, sizes = np.tile([30.0, 30.0, 120.0, 90.0], (8, 1)), np.tile([40.0, 12.0], (8, 1))
    places = place_labels(boxes, sizes, 200, 150, inside)
    assert _overlaps(places, sizes) == 0
    assert places[0].tolist() == ([30, 30] if inside else [30, 18])


def test_labels_stay_inside_the_image() -> None:
    boxes = np.array([[0.0, 0.0, 200.0, 150.0], [190.0, 2.0, 199.0, 9.0], [150.0, 140.0, 199.0, 149.0]])
    sizes = np.tile([60.0, 12.0], (3, 1))
    places = place_labels(boxes, sizes, 200, 150)
    assert (places >= 0).all() and (places + sizes <= (200, 150)).all()
    assert places[0].tolist() == [0, 0] and places[1, 0] == 140


def test_a_label_larger_than_the_image_starts_at_its_corner() -> None:
    assert place_labels(np.array([[1.0, 1.0, 3.0, 3.0]]), np.array([[50.0, 20.0]]), 4, 4).tolist() == [[0, 0]]


@pytest.mark.parametrize(("count", "covered"), [(8, 1.0), (12, 20.0)])
def test_labels_of_a_crowd_move_a_little_before_they_cover_one_another(count: int, covered: float) -> None:
    """With places at the edges of their boxes alone, 18 and 102 square pixels of these labels would be covered."""
    rng = np.random.default_rng(0)
    low = rng.uniform(100, 180, (count, 2))
    boxes, sizes = np.concatenate([low, low + rng.uniform(6, 20, (count, 2))], 1), np.tile([34.0, 10.0], (count, 1))
    places = place_labels(boxes, sizes, 320, 320)
    low, high = np.maximum(places[:, None], places[None]), np.minimum((places + sizes)[:, None], (places + sizes)[None])
    assert np.maximum(high - low, 0).prod(2)[np.triu_indices(count, 1)].sum() < covered
    gaps = np.maximum(np.maximum(places - boxes[:, 2:], boxes[:, :2] - places - sizes), 0)
    assert gaps.max() <= 10.001, "never farther than the height of a label"
