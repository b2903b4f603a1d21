import dataclasses
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.plots.data_statistics import BoxesAtInput, data_statistics
from lightweight_ssd.plots.style import save
from lightweight_ssd.types import Annotation


def packed(images: int, objects: int, classes: int = 3) -> PackedAnnotations:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 50, (images, objects, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(1, 50, corner.shape)], 2).astype(np.float32)
    annotations = [
        Annotation.of_boxes(
            i + 1, f"{i}.jpg", 100, 120, boxes[i], rng.integers(0, classes, objects), rng.random(objects) < 0.3
        )
        for i in range(images)
    ]
    return PackedAnnotations.from_annotations(annotations, [f"class {c}" for c in range(classes)])


def _bars(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


@pytest.mark.parametrize(("images", "objects"), [(0, 0), (2, 0), (1, 1), (20, 4)])
def test_splits_of_any_size_can_be_drawn(images: int, objects: int, tmp_path: Path):
    figure = data_statistics(packed(images, objects))
    assert save(figure, tmp_path / "data.png", dpi=20).is_file()
    assert figure.get_suptitle().startswith(f"Objects of the split: {images} images, {images * objects} objects")


def test_every_object_is_in_every_histogram():
    annotations = packed(20, 4)
    for axes in data_statistics(annotations).axes[1:]:
        assert sum(patch.get_height() for patch in _bars(axes)) == 80
    bars = _bars(data_statistics(annotations).axes[0])
    assert sum(bar.get_width() for bar in bars) == 80
    assert sum(bar.get_width() for bar in bars[3:]) == annotations.difficult.sum()


def test_the_legend_covers_no_bar():
    figure = data_statistics(packed(40, 6, classes=4))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    legend = axes.get_legend()
    assert legend is not None
    frame = legend.get_window_extent()
    assert not any(frame.overlaps(bar.get_window_extent()) for bar in _bars(axes) if bar.get_width())
    assert not any(frame.overlaps(text.get_window_extent()) for text in [*axes.texts, axes._left_title])


def test_crowds_stand_apart_and_in_no_histogram():
    annotations = packed(20, 4)
    annotations = dataclasses.replace(annotations, crowd=np.arange(80) < 13)
    figure = data_statistics(annotations)
    difficult = annotations.difficult[13:].sum()
    assert figure.get_suptitle() == f"Objects of the split: 20 images, 67 objects, {difficult} difficult, 13 crowds"
    for axes in figure.axes[1:]:
        assert sum(patch.get_height() for patch in _bars(axes)) == 67
    labels = figure.axes[0]
    assert labels.get_legend_handles_labels()[1] == ["counted", "difficult", "crowds"]
    widths = np.array([bar.get_width() for bar in _bars(labels)]).reshape(3, 3).sum(1)
    assert widths.tolist() == [67 - difficult, difficult, 13]


def test_extreme_shapes_fall_into_the_outer_bins():
    boxes = np.array([[0, 0, 100, 1], [0, 0, 1, 100], [0, 0, 120, 100]], np.float32)
    annotation = Annotation.of_boxes(1, "a.jpg", 100, 120, boxes, np.zeros(3, int), np.zeros(3, bool))
    _, sizes, aspects = data_statistics(PackedAnnotations.from_annotations([annotation], ["a"])).axes
    heights = [patch.get_height() for patch in _bars(aspects)]
    assert heights[0] == heights[-1] == 1
    assert _bars(sizes)[-1].get_height() == 1


def test_boxes_that_no_anchor_matches_stand_apart(tmp_path: Path):
    annotations = packed(20, 4)
    matched = np.arange(80) % 4 > 0
    sides = annotations.boxes[:, 2:] - annotations.boxes[:, :2]
    at_input = BoxesAtInput(sides, annotations.labels, matched, [[(10.0, 20.0)], [(90.0, 90.0), (50.0, 120.0)]])
    figure = data_statistics(annotations, at_input=at_input)
    labels, _, _, cloud = figure.axes
    shares = [f"{100 * np.mean(~matched[annotations.labels == label]):.0f} %" for label in range(3)]
    assert sorted(text.get_text().split(" · ")[1] for text in labels.texts) == sorted(shares)
    counts = [len(line.get_xdata()) for line in cloud.lines]
    assert counts == [60, 20, 1, 2]
    assert [line.get_label() for line in cloud.lines][:2] == ["matched: 75.0 %", "no anchor matches: 25.0 %"]
    assert save(figure, tmp_path / "data.png", dpi=20).is_file()


def test_a_split_without_boxes_has_anchors_all_the_same(tmp_path: Path):
    empty = BoxesAtInput(np.zeros((0, 2)), np.zeros(0, int), np.zeros(0, bool), [[(10.0, 20.0)]])
    assert save(data_statistics(packed(2, 0), at_input=empty), tmp_path / "data.png", dpi=20).is_file()
