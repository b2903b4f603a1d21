import numpy as np

from lightweight_ssd.curation.box_statistics import box_statistics
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.detector.anchor_fit import AnchorGrid
from lightweight_ssd.types import OTHER_CLASS, Annotation

GRID = AnchorGrid((100, 100), ((10, 10),))
ANCHORS = [[(0.4, 1.0)]]


def annotations(
    *boxes_of_images: list[tuple[int, list[float]]], size: tuple[int, int] = (200, 400)
) -> PackedAnnotations:
    images = [
        Annotation.of_boxes(
            number,
            f"{number}.jpg",
            *size,
            np.array([box for _, box in boxes], np.float32).reshape(-1, 4),
            np.array([label for label, _ in boxes], int),
        )
        for number, boxes in enumerate(boxes_of_images, 1)
    ]
    return PackedAnnotations.from_annotations(images, ["cat", "dog", "cow"])


def test_boxes_are_counted_at_the_size_of_the_input() -> None:
    square, small = [140.0, 70.0, 300.0, 150.0], [0.0, 0.0, 16.0, 8.0]  # 40×40 and 4×4 at the input
    counted = box_statistics(annotations([(1, square), (1, small)], [(0, square)], []), ANCHORS, GRID)
    assert (counted.images, counted.empty_images, counted.total.boxes, counted.total.unmatched) == (3, 1, 3, 1)
    rows = [(one.name, one.boxes, one.images, one.unmatched) for one in counted.classes]
    assert rows == [("dog", 2, 1, 1), ("cat", 1, 1, 0), ("cow", 0, 0, 0)]
    assert [(one.name, one.boxes, one.unmatched) for one in counted.sizes] == [("0–16 px", 1, 1), ("32–64 px", 2, 0)]
    assert counted.classes[1].side == 40 and np.isnan(counted.classes[2].side)


def test_a_fit_is_offered_only_where_it_gains() -> None:
    wide = [[20.0, 80.0 + place, 180.0, 100.0 + place] for place in (0, 20, 40)]  # 40×10 at the input
    gains = box_statistics(annotations([(0, box) for box in wide]), ANCHORS, GRID)
    assert gains.total.unmatched == 3 and gains.total.unmatched_fitted == 0 and gains.is_fit_worth_it
    fine = box_statistics(annotations([(0, [140.0, 70.0, 300.0, 150.0])]), ANCHORS, GRID)
    assert not fine.is_fit_worth_it


def test_crowds_and_ignored_objects_are_not_counted() -> None:
    known = annotations([(OTHER_CLASS, [0.0, 0.0, 100.0, 100.0]), (0, [0.0, 0.0, 100.0, 100.0])])
    assert box_statistics(known, ANCHORS, GRID).total.boxes == 1
    assert box_statistics(annotations([]), ANCHORS, GRID).total.boxes == 0
