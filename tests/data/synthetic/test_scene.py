import numpy as np
import pytest

from lightweight_ssd.data.synthetic.scene import SHAPE_NAMES, Scene, _Object, _place, _shown, _visible_box, draw_scene


def draw(seed: int, size: tuple[int, int] = (96, 128), **options: float) -> Scene:
    return draw_scene(np.random.default_rng(seed), size, SHAPE_NAMES, **options)


SCENES = [draw(seed) for seed in range(150)]


def test_the_same_generator_draws_the_same_scene() -> None:
    for one, other in zip(draw(3), draw(3), strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(draw(3).image, draw(4).image)


def test_boxes_lie_inside_and_have_an_area() -> None:
    boxes = np.concatenate([scene.boxes for scene in SCENES])
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= [128, 96]).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_some_scenes_are_empty_and_some_objects_difficult() -> None:
    empty = [scene for scene in SCENES if len(scene.boxes) == 0]
    assert 1 <= len(empty) <= 20
    assert all(scene.boxes.shape == (0, 4) and scene.labels.dtype == np.int64 for scene in empty)
    difficult = np.concatenate([scene.difficult for scene in SCENES])
    assert 0.01 < difficult.mean() < 0.2


def test_every_shape_is_drawn() -> None:
    labels = np.concatenate([scene.labels for scene in SCENES])
    assert np.bincount(labels, minlength=len(SHAPE_NAMES)).min() > 0.1 * len(labels)


@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_the_box_of_an_uncovered_object_is_that_of_its_corners(name: str) -> None:
    """Pixels that the box is made from against the polygon's geometry, to a pixel, cut off at the picture's edges."""
    for seed in range(40):
        objects, owner = _place(np.random.default_rng(seed), (96, 128), [name], 1, (0.3, 0.6))
        for item in objects:
            low, high = item.corners.min(axis=0), item.corners.max(axis=0)
            expected = np.clip([*low, *high], 0, [128, 96, 128, 96])
            np.testing.assert_allclose(_visible_box(owner == 0), expected, atol=1.6)  # a sharp tip covers no half pixel


def test_the_share_that_shows() -> None:
    square = np.array([[0, 0], [40, 0], [40, 40], [0, 40]], dtype=np.float64)
    owner = np.full((96, 128), -1, dtype=np.int16)
    owner[:40, :40] = 1
    owner[:40, :10] = 0
    assert _shown(owner, 0, _Object(square, 0, 1.0)) == 0.25


def test_the_number_and_size_of_objects_follow_the_parameters() -> None:
    scenes = [draw(seed, max_objects=2, min_scale=0.3, max_scale=0.3) for seed in range(40)]
    assert max(len(scene.boxes) for scene in scenes) == 2
    sides = np.concatenate([scene.boxes[:, 2:] - scene.boxes[:, :2] for scene in scenes])
    assert sides.max() <= 0.3 * 96 * 1.1 * 1.15 * np.sqrt(2)


def test_a_small_picture() -> None:
    assert draw(0, size=(21, 32)).image.shape == (21, 32, 3)
