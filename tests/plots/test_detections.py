from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from lightweight_ssd.plots.detections import detection_gallery, draw_boxes
from lightweight_ssd.plots.palette import class_colors
from lightweight_ssd.plots.style import save
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.types import Annotation

NAMES = ("cat", "dog")
GRAY = np.full((200, 300, 3), 128, np.uint8)


def color(label: int) -> list[int]:
    return [round(255 * value) for value in to_rgb(class_colors(len(NAMES))[label])]


def example(image_id: int, objects: int) -> tuple[Annotation, Detections]:
    boxes = np.tile(np.array([[20, 30, 150, 160]], np.float32), (objects, 1))
    labels, difficult = np.arange(objects) % 2, np.arange(objects) % 2 == 1
    annotation = Annotation.of_boxes(image_id, f"/data/{image_id}.jpg", 200, 300, boxes, labels, difficult)
    scores = torch.linspace(1, 0, objects)
    return annotation, Detections(torch.from_numpy(boxes), scores, torch.from_numpy(labels))


def test_no_boxes_give_an_equal_copy():
    drawn = draw_boxes(GRAY, np.zeros((0, 4)), np.zeros(0, int), NAMES, np.zeros(0))
    assert np.array_equal(drawn, GRAY)
    assert drawn is not GRAY and drawn.flags.writeable


def test_the_edges_of_a_box_carry_its_class_color_and_its_inside_is_untouched():
    before = GRAY.copy()
    drawn = draw_boxes(GRAY, np.array([[50.0, 60.0, 250.0, 180.0]]), np.array([1]), NAMES, np.array([0.7]))
    for row, column in ((120, 50), (120, 249), (179, 150), (60, 240)):
        assert drawn[row, column].tolist() == color(1)
    assert (drawn[90:170, 60:240] == 128).all()
    assert (drawn[181:] == 128).all() and (drawn[:, 251:] == 128).all()
    assert np.array_equal(GRAY, before)


def test_boxes_beyond_the_image_are_cut_and_empty_or_undefined_ones_left_out():
    beyond = draw_boxes(GRAY, np.array([[-50.0, -50.0, 900.0, 900.0]]), np.array([0]), NAMES)
    assert beyond[199, 299].tolist() == beyond[199, 0].tolist() == color(0)
    nothing = np.array([[10.0, 10.0, 10.0, 50.0], [90.0, 90.0, 40.0, 40.0], [400.0, 10.0, 500.0, 50.0], [np.nan] * 4])
    assert np.array_equal(draw_boxes(GRAY, nothing, np.zeros(4, int), NAMES), GRAY)


def test_the_better_box_lies_on_top():
    boxes = np.array([[50.0, 60.0, 250.0, 180.0]] * 2)
    drawn = draw_boxes(GRAY, boxes, np.array([0, 1]), NAMES, np.array([0.9, 0.3]))
    assert drawn[120, 50].tolist() == color(0)


def test_labels_of_equal_boxes_do_not_hide_one_another():
    boxes, labels = np.array([[50.0, 60.0, 250.0, 180.0]] * 2), np.array([0, 1])
    drawn = draw_boxes(GRAY, boxes, labels, NAMES, np.array([0.9, 0.8]))
    above, below = drawn[47:59, 52:90].reshape(-1, 3).tolist(), drawn[64:74, 52:90].reshape(-1, 3).tolist()
    assert color(0) in above and color(1) in below and color(1) not in above


def test_labels_in_the_gallery_do_not_hide_one_another():
    annotation, _ = example(0, 1)
    boxes = torch.tensor([[20.0, 30, 150, 160], [22, 31, 150, 160], [20, 32, 151, 158]])
    found = Detections(boxes, torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0, 1, 0]))
    figure = detection_gallery([GRAY], [annotation], [found], NAMES)
    figure.draw_without_rendering()
    frames = [patch.get_window_extent() for text in figure.axes[1].texts if (patch := text.get_bbox_patch())]
    assert len(frames) == 3
    assert not any(one.overlaps(other) for i, one in enumerate(frames) for other in frames[i + 1 :])


def test_a_label_stays_inside_the_image():
    drawn = draw_boxes(GRAY, np.array([[290.0, 100.0, 299.0, 150.0]]), np.array([0]), NAMES, np.array([0.5]))
    assert (drawn[90, 240:280] != 128).any()


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (2000, 1500)])
def test_any_size_of_image_can_be_drawn_on(size: tuple[int, int]):
    image = np.zeros((*size, 3), np.uint8)
    drawn = draw_boxes(image, np.array([[0.0, 0.0, size[1], size[0]]]), np.array([0]), NAMES, np.array([1.0]))
    assert drawn.shape == image.shape and (drawn != image).any()


def test_a_gallery_of_nothing_can_be_saved(tmp_path: Path):
    assert save(detection_gallery([], [], [], NAMES), tmp_path / "empty.png").stat().st_size > 0


def test_a_gallery_has_a_row_per_image_and_leaves_weak_detections_out(tmp_path: Path):
    annotations, found = zip(*(example(i, count) for i, count in enumerate((0, 3))), strict=True)
    figure = detection_gallery([GRAY, GRAY[:, :90]], annotations, found, NAMES, score_threshold=0.4)
    assert len(figure.axes) == 4
    empty_left, empty_right, truth, detected = (axes.patches for axes in figure.axes)
    assert len(empty_left) == len(empty_right) == 0
    assert sorted(str(patch.get_linestyle()) for patch in truth) == ["-", "-", "--"]
    assert [text.get_text() for text in figure.axes[3].texts] == ["dog 0.50", "cat 1.00"]
    assert "dashed: difficult" in figure.axes[2].get_title(loc="left")
    assert "dashed" not in figure.axes[0].get_title(loc="left") and len(detected) == 2
    assert save(figure, tmp_path / "gallery.png", dpi=40).stat().st_size > 1000


def test_lists_of_different_lengths_are_refused():
    annotation, _ = example(0, 1)
    with pytest.raises(ValueError, match="got 1 images, 1 annotations and 0 detections"):
        detection_gallery([GRAY], [annotation], [], NAMES)
