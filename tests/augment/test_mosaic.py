import numpy as np
import pytest

from lightweight_ssd.augment.mosaic import Mosaic, tile
from lightweight_ssd.types import Annotation

NO_BOXES = np.zeros((0, 4), np.float32)
NO_LABELS = np.zeros(0, np.int64)


def annotation(boxes: np.ndarray, labels: np.ndarray, size: tuple[int, int] = (20, 30)) -> Annotation:
    return Annotation.of_boxes(1, "drawn.png", *size, boxes, labels, np.zeros(len(boxes), bool))


def flat(value: int, size: tuple[int, int] = (20, 30)) -> np.ndarray:
    return np.full((*size, 3), value, np.uint8)


def whole(label: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array([[0, 0, 30, 20]], np.float32), np.array([label])


def test_nobody_has_boxes():
    image, boxes, labels = Mosaic(p=1.0)(
        flat(9),
        NO_BOXES,
        NO_LABELS,
        generator=np.random.default_rng(0),
        epoch=0,
        draw=lambda index: (flat(9), annotation(NO_BOXES, NO_LABELS)),
        count=1,
        size=(12, 16),
    )
    assert image.shape == (24, 32, 3) and (image == 9).all()
    assert boxes.shape == (0, 4) and boxes.dtype == np.float32
    assert labels.shape == (0,) and labels.dtype == np.int64


def test_all_four_tiles_meet_at_a_point_in_range_and_labels_follow():
    asked = []

    def draw(index: int) -> tuple[np.ndarray, Annotation]:
        asked.append(index)
        return flat(50 * len(asked)), annotation(*whole(len(asked)))

    image, boxes, labels = Mosaic(p=1.0, min_visible_area=0.0)(
        flat(0), *whole(0), generator=np.random.default_rng(3), epoch=0, draw=draw, count=40, size=(50, 50)
    )
    assert len(asked) == 3 and all(0 <= index < 40 for index in asked)
    assert sorted(labels.tolist()) == [0, 1, 2, 3]
    for box, label in zip(boxes.astype(int), labels, strict=True):
        assert (image[box[1] : box[3], box[0] : box[2]] == 50 * label).all()
    assert sum((box[2] - box[0]) * (box[3] - box[1]) for box in boxes) == 100 * 100, "the tiles cover the canvas"
    assert 25 <= boxes[0, 2] <= 75 and 25 <= boxes[0, 3] <= 75


@pytest.mark.parametrize(("height", "width"), [(5, 5), (40, 7), (3, 90), (1, 1), (20, 30)])
def test_a_tile_has_the_size_of_its_region(height, width):
    boxes = np.array([[0, 0, 30, 20], [5, 5, 5, 5]], np.float32)
    canvas = np.zeros((height + 2, width + 3, 3), np.uint8)
    moved, visible = tile(flat(1), boxes, canvas[2:, 3:], (0.3, 0.9))
    assert (canvas[2:, 3:] == 1).all() and not canvas[:2].any() and not canvas[:, :3].any()
    assert moved[0].tolist() == [0, 0, width, height]
    assert 0 < visible[0] <= 1.001 and visible[1] == 0


def test_boxes_are_kept_by_their_visible_share():
    image = flat(0, (10, 20))
    boxes = np.array([[0, 0, 10, 10], [6, 0, 16, 10], [9, 0, 19, 10]], np.float32)
    moved, visible = tile(image, boxes, np.empty((10, 10, 3), np.uint8), (0.0, 0.0))
    assert np.allclose(visible, [1.0, 0.4, 0.1])
    assert np.allclose(moved, [[0, 0, 10, 10], [6, 0, 10, 10], [9, 0, 10, 10]])


def test_closing_is_a_function_of_the_epoch():
    assert [Mosaic().active(epoch) for epoch in (0, 9, 10**6)] == [True] * 3
    assert [Mosaic(close_epoch=10).active(epoch) for epoch in (0, 9, 10, 11)] == [True, True, False, False]


@pytest.mark.parametrize("settings", [{"p": 0.0}, {"p": 1.0, "close_epoch": 5}])
def test_closed_hands_the_sample_back_and_draws_nothing(settings):
    image = flat(7)
    out, boxes, labels = Mosaic(**settings)(
        image, *whole(3), generator=np.random.default_rng(0), epoch=5, draw=None, count=0, size=(50, 50)
    )
    assert out is image and labels.tolist() == [3] and boxes.tolist() == [[0, 0, 30, 20]]


def test_without_a_data_set_it_says_so():
    with pytest.raises(ValueError, match="data set to draw Mosaic's partners from"):
        Mosaic(p=1.0)(
            flat(0), *whole(0), generator=np.random.default_rng(0), epoch=0, draw=None, count=0, size=(50, 50)
        )


@pytest.mark.parametrize(
    "wrong", [{"p": 2.0}, {"scale": 0.0}, {"center": (0.8, 0.2)}, {"center": (0.0, 0.5)}, {"min_visible_area": -1.0}]
)
def test_values_outside_their_ranges_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"mosaic\.{next(iter(wrong))} "):
        Mosaic(**wrong)
