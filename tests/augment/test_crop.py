import albumentations as A
import numpy as np
import pytest

from lightweight_ssd.augment.crop import SSDCrop, visible_shares, windows


def cropped(step: SSDCrop, image: np.ndarray, boxes: list[list[float]], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    compose = A.Compose([step], bbox_params=A.BboxParams("pascal_voc", clip=True), seed=seed)
    result = compose(image=image, bboxes=np.array(boxes, np.float32).reshape(-1, 4))
    return result["image"], result["bboxes"]


def test_no_boxes_and_no_windows():
    assert visible_shares(np.zeros((0, 4)), np.array([[0, 0, 1, 1]])).shape == (1, 0)
    assert visible_shares(np.zeros((2, 4)), np.zeros((0, 4), np.int64)).shape == (0, 2)
    assert visible_shares(np.array([[3.0, 3.0, 3.0, 9.0]]), np.array([[0, 0, 9, 9]])).tolist() == [[0.0]]


def test_windows_fit_and_keep_their_ranges():
    crops = windows(np.random.default_rng(0), 90, 120, 4000, (0.5, 2.0), (0.1, 1.0))
    sides = crops[:, 2:] - crops[:, :2]
    assert (crops[:, :2] >= 0).all() and (crops[:, 2:] <= [120, 90]).all() and (sides >= 1).all()
    assert 0.09 < sides.prod(axis=1).min() / (90 * 120) < 0.11
    assert 0.48 < (sides[:, 0] / sides[:, 1]).min() < 0.6
    assert 1.8 < (sides[:, 0] / sides[:, 1]).max() < 2.05
    assert crops[:, 0].min() == 0 and crops[:, 2].max() == 120, "the edges are within reach"


def test_one_pixel_has_one_window():
    crops = windows(np.random.default_rng(0), 1, 1, 200, (0.5, 2.0), (0.1, 1.0))
    assert len(crops) and (crops == [0, 0, 1, 1]).all()


@pytest.mark.parametrize("needed", [0.3, 0.7, 1.0])
def test_the_window_shows_the_drawn_share_of_some_box(needed):
    box = [30.0, 20.0, 90.0, 60.0]
    step = SSDCrop(min_overlaps=[needed], min_visible=0.0, p=1.0)
    for seed in range(60):
        _, boxes = cropped(step, np.zeros((100, 120, 3), np.uint8), [box], seed)
        left = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1).max()
        assert left >= (needed - 1e-4) * 60 * 40


@pytest.mark.parametrize(
    ("min_visible", "stays"), [(0.3, [True, True, False]), (0.6, [True, False, False]), (None, [True, False, False])]
)
def test_which_boxes_stay(min_visible, stays):
    step = SSDCrop(min_visible=min_visible)
    boxes = np.array([[0.0, 0.0, 0.4, 1.0, 7], [0.3, 0.0, 0.8, 1.0, 8], [0.45, 0.0, 0.9, 1.0, 9]])
    kept = step.apply_to_bboxes(boxes, (0, 0, 50, 100), shape=(100, 100, 3))
    assert kept[:, 4].tolist() == [label for label, one in zip((7, 8, 9), stays, strict=True) if one]
    assert kept[0, :4].tolist() == [0.0, 0.0, 0.8, 1.0]


def test_no_window_leaves_an_image_bare_of_its_only_box():
    for seed in range(80):
        _, boxes = cropped(SSDCrop(p=1.0), np.zeros((100, 100, 3), np.uint8), [[1, 1, 9, 9]], seed)
        assert len(boxes) == 1


def test_the_image_stays_whole_where_nothing_will_do():
    image = np.zeros((100, 100, 3), np.uint8)
    step = SSDCrop(min_overlaps=[1.0], area=(0.1, 0.2), p=1.0)
    out, boxes = cropped(step, image, [[0, 0, 100, 100]])
    assert out.shape == image.shape and boxes.tolist() == [[0.0, 0.0, 100.0, 100.0]]


def test_an_image_without_boxes_is_cropped_too():
    shapes = {cropped(SSDCrop(p=1.0), np.zeros((100, 100, 3), np.uint8), [], seed)[0].shape for seed in range(10)}
    assert len(shapes) > 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_overlaps": ()},
        {"min_overlaps": (2.0,)},
        {"aspect": (2.0, 0.5)},
        {"area": (0.0, 1.0)},
        {"min_visible": 1.2},
        {"trials": 0},
        {"p": -0.1},
    ],
)
def test_values_outside_their_ranges_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"steps\.crop: expected {next(iter(wrong))} "):
        SSDCrop(**wrong)


@pytest.mark.parametrize("min_visible", [0.0, 0.3, 1.0])
def test_the_first_windows_alone_give_what_all_at_once_give(min_visible, monkeypatch):
    """In Python for the first windows or with NumPy for all: the same window and the same boxes."""
    rng = np.random.default_rng(0)
    step = SSDCrop(p=1.0, min_visible=min_visible)
    for seed in range(300):
        height, width = (int(side) for side in rng.integers(1, 500, 2))
        corners = np.sort(rng.uniform(0, 1, (int(rng.integers(1, 6)), 2, 2)), axis=1).reshape(-1, 4)
        boxes = (corners * [width, height, width, height]).astype(np.float32)
        found = []
        for few in (16, 0):
            monkeypatch.setattr("lightweight_ssd.augment.crop._FEW_BOXES", few)
            found.append(step._window(boxes, height, width, np.random.default_rng(seed)))
        assert found[0][0] == found[1][0] and np.array_equal(found[0][1], found[1][1])
