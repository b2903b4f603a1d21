from pathlib import Path

import numpy as np
import pytest

from lightweight_ssd.annotations import PackedAnnotations
from lightweight_ssd.figure_style import save
from lightweight_ssd.figures.data_statistics import data_statistics
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


@pytest.mark.parametrize(("images", "objects"), [(0, 0), (2, 0), (1, 1), (20, 4)])
def test_splits_of_any_size_can_be_drawn(images: int, objects: int, tmp_path: Path):
    figure = data_statistics(packed(images, objects))
    assert save(figure, tmp_path / "data.png", dpi=20).is_file()
    assert figure.get_suptitle().startswith(f"Objects of the split: {images} images, {images * objects} objects")


def test_every_object_is_in_every_histogram():
    annotations = packed(20, 4)
    for axes in data_statistics(annotations).axes[1:]:
        assert sum(patch.get_height() for patch in axes.patches) == 80
    bars = data_statistics(annotations).axes[0].patches
    assert sum(bar.get_width() for bar in bars) == 80
    assert sum(bar.get_width() for bar in bars[3:]) == annotations.difficult.sum()


def test_extreme_shapes_fall_into_the_outer_bins():
    boxes = np.array([[0, 0, 100, 1], [0, 0, 1, 100], [0, 0, 120, 100]], np.float32)
    annotation = Annotation.of_boxes(1, "a.jpg", 100, 120, boxes, np.zeros(3, int), np.zeros(3, bool))
    _, sizes, aspects = data_statistics(PackedAnnotations.from_annotations([annotation], ["a"])).axes
    heights = [patch.get_height() for patch in aspects.patches]
    assert heights[0] == heights[-1] == 1
    assert sizes.patches[-1].get_height() == 1
