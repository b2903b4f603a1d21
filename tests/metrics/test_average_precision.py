"""Average precision against a loop over the devkit's rules, and against pycocotools where the definitions meet."""

import math
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from lightweight_ssd.metrics.average_precision import (
    IOU_THRESHOLDS,
    PackedDetections,
    PackedObjects,
    confusion_matrix,
    voc_average_precision,
)

CLASSES = 5


def no_detections() -> PackedDetections:
    return PackedDetections(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros((0, 4)))


def no_objects() -> PackedObjects:
    return PackedObjects(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 4)), np.zeros(0, bool))


def scene(seed: int, images: int = 60, per_image: int = 40, whole_pixels: bool = False):
    """Crowded random images: half of the detections are jittered copies of objects, scores are full of ties."""
    rng = np.random.default_rng(seed)
    objects = images * 8
    corner = rng.uniform(0, 200, (objects, 2))
    truth = PackedObjects(
        np.sort(rng.integers(0, images, objects)),
        rng.integers(0, CLASSES - 1, objects),
        np.concatenate([corner, corner + rng.uniform(20, 150, (objects, 2))], 1),
        rng.random(objects) < 0.25,
    )
    found = images * per_image
    source = rng.integers(0, objects, found)
    copied = rng.random(found) < 0.5
    corner = rng.uniform(0, 200, (found, 2))
    anywhere = np.concatenate([corner, corner + rng.uniform(20, 150, (found, 2))], 1)
    boxes = np.where(copied[:, None], truth.boxes[source] + rng.normal(0, 6, (found, 4)), anywhere)
    labels = np.where(copied, truth.labels[source], rng.integers(0, CLASSES, found))
    image_index = np.where(copied, truth.image_index[source], rng.integers(0, images, found))
    order = np.argsort(image_index, kind="stable")
    boxes = boxes.round() if whole_pixels else boxes
    truth = truth._replace(boxes=truth.boxes.round() if whole_pixels else truth.boxes)
    scores = rng.integers(1, 30, found) / 30
    return PackedDetections(image_index[order], labels[order], scores[order], boxes[order]), truth


def devkit(found: PackedDetections, truth: PackedObjects, label: int, threshold: float) -> tuple[float, float, list]:
    """VOCevaldet's rules one detection at a time: area, 11-point average precision and scores of the true positives."""
    ranked = sorted(np.flatnonzero(found.labels == label), key=lambda d: (-found.scores[d], found.image_index[d], d))
    countable = int(np.sum((truth.labels == label) & ~truth.difficult))
    used, true, false, hits = set(), 0, 0, []
    precision, recall = [], []
    for detection in ranked:
        box = found.boxes[detection]
        best, target = -math.inf, -1
        for candidate in np.flatnonzero((truth.labels == label) & (truth.image_index == found.image_index[detection])):
            other = truth.boxes[candidate]
            width = min(box[2], other[2]) - max(box[0], other[0])
            height = min(box[3], other[3]) - max(box[1], other[1])
            if width > 0 and height > 0:
                union = (box[2] - box[0]) * (box[3] - box[1]) + (other[2] - other[0]) * (other[3] - other[1])
                overlap = width * height / (union - width * height)
                if overlap > best:
                    best, target = overlap, candidate
        if best >= threshold and truth.difficult[target]:
            continue
        if best >= threshold and target not in used:
            used.add(target)
            true += 1
            hits.append(found.scores[detection])
        else:
            false += 1
        precision.append(true / (true + false))
        recall.append(true / countable if countable else math.nan)
    if not countable:
        return math.nan, math.nan, hits
    eleven = sum(
        max([p for p, r in zip(precision, recall, strict=True) if r >= k / 10 - 1e-9] or [0]) for k in range(11)
    )
    mean_recall = [0.0, *recall, 1.0]
    envelope = [0.0, *precision, 0.0]
    for i in range(len(envelope) - 2, -1, -1):
        envelope[i] = max(envelope[i], envelope[i + 1])
    area = sum((mean_recall[i] - mean_recall[i - 1]) * envelope[i] for i in range(1, len(envelope)))
    return area, eleven / 11, hits


def test_nothing_at_all_is_nan_and_never_minus_one():
    result = voc_average_precision(no_detections(), no_objects(), CLASSES)
    assert result.area.shape == result.eleven_point.shape == (10, CLASSES)
    assert np.isnan(result.area).all() and np.isnan(result.eleven_point).all()
    assert result.objects.tolist() == [0] * CLASSES
    assert all(curve.precision.shape == (0,) for curve in result.curves)
    assert confusion_matrix(no_detections(), no_objects(), CLASSES).sum() == 0


def test_no_classes_keeps_the_shape():
    assert voc_average_precision(no_detections(), no_objects(), 0).area.shape == (10, 0)


def test_detections_without_objects_are_nan():
    found, _ = scene(0, images=2)
    result = voc_average_precision(found, no_objects(), CLASSES)
    assert np.isnan(result.area).all()
    assert all(np.isnan(curve.recall).all() for curve in result.curves)


def test_objects_without_detections_are_zero():
    _, truth = scene(0, images=6)
    result = voc_average_precision(no_detections(), truth, CLASSES)
    assert (result.area[:, : CLASSES - 1] == 0).all()
    assert (result.eleven_point[:, : CLASSES - 1] == 0).all()
    assert np.isnan(result.area[:, CLASSES - 1]).all()


def test_perfect_detections_are_exactly_one():
    _, truth = scene(1)
    found = PackedDetections(truth.image_index, truth.labels, np.full(len(truth.labels), 0.5), truth.boxes)
    result = voc_average_precision(found, truth, CLASSES)
    assert (result.area[:, : CLASSES - 1] == 1).all()
    assert np.allclose(result.eleven_point[:, : CLASSES - 1], 1, atol=1e-15)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("whole_pixels", [False, True])
def test_equals_the_devkit_rules_on_thousands_of_detections(seed: int, whole_pixels: bool):
    found, truth = scene(seed, whole_pixels=whole_pixels)
    thresholds = (0.5, 0.75, 0.9)
    result = voc_average_precision(found, truth, CLASSES, thresholds)
    for row, threshold in enumerate(thresholds):
        for label in range(CLASSES):
            area, eleven, hits = devkit(found, truth, label, threshold)
            assert result.area[row, label] == pytest.approx(area, abs=1e-12, nan_ok=True)
            assert result.eleven_point[row, label] == pytest.approx(eleven, abs=1e-12, nan_ok=True)
            if row == 0 and not math.isnan(area):
                curve = result.curves[label]
                rises = curve.scores[np.diff(curve.recall, prepend=0) > 0]
                assert rises == pytest.approx(np.array(hits), abs=1e-6)


def test_order_of_images_in_the_arrays_does_not_matter():
    found, truth = scene(4)
    order = np.argsort(-found.image_index, kind="stable")
    shuffled = PackedDetections(*(column[order] for column in found))
    np.testing.assert_array_equal(
        voc_average_precision(found, truth, CLASSES).area, voc_average_precision(shuffled, truth, CLASSES).area
    )


def test_a_detection_on_the_threshold_is_a_hit():
    found = PackedDetections(np.array([0]), np.array([0]), np.array([0.9]), np.array([[0.0, 0.0, 10.0, 5.0]]))
    truth = PackedObjects(np.array([0]), np.array([0]), np.array([[0.0, 0.0, 10.0, 10.0]]), np.array([False]))
    assert voc_average_precision(found, truth, 1, (0.5, 0.51)).area.tolist() == [[1.0], [0.0]]


def test_a_duplicate_is_false_even_where_a_second_object_is_free():
    """The devkit looks at the best object only; COCO's evaluation would hand the duplicate the next one."""
    objects = np.array([[0.0, 0.0, 100.0, 100.0], [0.0, 0.0, 100.0, 80.0]])
    truth = PackedObjects(np.zeros(2, int), np.zeros(2, int), objects, np.zeros(2, bool))
    found = PackedDetections(np.zeros(2, int), np.zeros(2, int), np.array([0.9, 0.8]), objects[[0, 0]])
    curve = voc_average_precision(found, truth, 1, (0.5,)).curves[0]
    assert curve.precision.tolist() == [1.0, 0.5]
    assert curve.recall.tolist() == [0.5, 0.5]


def test_difficult_objects_count_neither_way():
    boxes = np.array([[0.0, 0.0, 10.0, 10.0], [50.0, 50.0, 90.0, 90.0]])
    truth = PackedObjects(np.zeros(2, int), np.zeros(2, int), boxes, np.array([True, False]))
    found = PackedDetections(np.zeros(3, int), np.zeros(3, int), np.array([0.9, 0.8, 0.7]), boxes[[0, 0, 1]])
    result = voc_average_precision(found, truth, 1, (0.5,))
    assert result.area.item() == 1.0 and result.objects.tolist() == [1]
    dropped = PackedObjects(*(column[1:] for column in truth))
    assert voc_average_precision(found, dropped, 1, (0.5,)).area.item() == pytest.approx(1 / 3)


def test_eleven_points_with_ten_objects_counts_three_of_ten_as_recall_0_3():
    boxes = np.arange(10)[:, None] * 20.0 + np.array([0.0, 0.0, 10.0, 10.0])
    truth = PackedObjects(np.zeros(10, int), np.zeros(10, int), boxes, np.zeros(10, bool))
    found = PackedDetections(np.zeros(3, int), np.zeros(3, int), np.array([0.9, 0.8, 0.7]), boxes[:3])
    assert voc_average_precision(found, truth, 1, (0.5,)).eleven_point.item() == pytest.approx(4 / 11)


def test_boxes_that_are_not_finite_are_plain_misses():
    truth = PackedObjects(np.zeros(1, int), np.zeros(1, int), np.array([[0.0, 0.0, 9.0, 9.0]]), np.zeros(1, bool))
    wild = np.array([[np.nan] * 4, [-np.inf, -np.inf, np.inf, np.inf], [3.0, 3.0, 3.0, 3.0]])
    found = PackedDetections(np.zeros(3, int), np.zeros(3, int), np.array([0.9, 0.8, 0.7]), wild)
    assert (voc_average_precision(found, truth, 1).area == 0).all()


@pytest.mark.parametrize("threshold", [0.0, -0.5, 1.5, math.nan])
def test_a_threshold_outside_its_range_is_refused(threshold: float):
    with pytest.raises(ValueError, match="Expected IoU thresholds in"):
        voc_average_precision(no_detections(), no_objects(), 1, (threshold,))


def meeting_scene(seed: int, images: int = 40) -> tuple[PackedDetections, PackedObjects]:
    """Objects far apart; a detection lies near one of them, or near none; those near difficult ones lie inside."""
    rng = np.random.default_rng(seed)
    cells = np.array([(x, y) for x in range(4) for y in range(4)]) * 100.0 + 20
    corner = np.concatenate([cells[rng.permutation(16)[:6]] for _ in range(images)])
    boxes = np.concatenate([corner, corner + rng.uniform(30, 60, corner.shape)], 1)
    truth = PackedObjects(
        np.repeat(np.arange(images), 6),
        rng.integers(0, CLASSES, len(boxes)),
        boxes,
        rng.random(len(boxes)) < 0.3,
    )
    source = np.sort(rng.integers(0, len(boxes), images * 30))
    jitter = rng.normal(0, 4, (len(source), 4))
    inside = np.array([1, 1, -1, -1]) * rng.uniform(0, 0.3, (len(source), 4))
    near = truth.boxes[source] + np.where(truth.difficult[source, None], inside, jitter)
    far = rng.random(len(source)) < 0.2
    near[far] = [450, 450, 480, 480]
    found = PackedDetections(truth.image_index[source], truth.labels[source], rng.random(len(source)), near)
    return found, truth


def to_coco(found: PackedDetections, truth: PackedObjects) -> tuple[COCO, COCO]:
    def xywh(box: np.ndarray) -> list[float]:
        return [box[0], box[1], box[2] - box[0], box[3] - box[1]]

    ground = COCO()
    ground.dataset = {
        "images": [{"id": int(i)} for i in np.unique(truth.image_index)],
        "categories": [{"id": c} for c in range(CLASSES)],
        "annotations": [
            {"id": m + 1, "image_id": int(i), "category_id": int(c), "bbox": xywh(b), "area": 1.0, "iscrowd": int(d)}
            for m, (i, c, b, d) in enumerate(zip(*truth, strict=True))
        ],
    }
    ground.createIndex()
    rows = [
        {"image_id": int(i), "category_id": int(c), "score": float(s), "bbox": xywh(b)}
        for i, c, s, b in zip(*found, strict=True)
    ]
    return ground, ground.loadRes(rows)


@pytest.mark.parametrize("seed", range(2))
def test_equals_pycocotools_where_the_definitions_meet(seed: int):
    """Both forms of average precision at all ten thresholds from pycocotools' own matching and accumulation.

    COCO's rules part from VOC's in four places, and the scene avoids each of them. (1) COCO hands a detection the best
    object that is still free, VOC the best of all: here objects lie apart, so there is only one. (2) A crowd's overlap
    is measured against the detection's area alone: here detections of difficult objects lie within them and cover 95 %
    and more, so both measures pass every threshold. (3) COCO keeps 100 detections per image and class: there are fewer.
    (4) It samples 101 recalls: with (k − ½)/n for a class of n objects their mean is the area, with k/10 the 11 points.
    """
    found, truth = meeting_scene(seed)
    result = voc_average_precision(found, truth, CLASSES)
    with redirect_stdout(StringIO()):
        ground, detected = to_coco(found, truth)
        for label in range(CLASSES):
            count = int(result.objects[label])
            for computed, recalls in (
                (result.area, (np.arange(count) + 0.5) / count),
                (result.eleven_point, np.maximum(np.arange(11) / 10 - 1e-9, 0)),
            ):
                evaluation = COCOeval(ground, detected, "bbox")
                evaluation.params.catIds = [label]
                evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
                evaluation.params.iouThrs, evaluation.params.recThrs = np.array(IOU_THRESHOLDS), recalls
                evaluation.params.maxDets = [100]
                evaluation.evaluate()
                evaluation.accumulate()
                expected = evaluation.eval["precision"][:, :, 0, 0, 0].mean(1)
                np.testing.assert_allclose(computed[:, label], expected, atol=1e-9)
    assert 0.1 < result.area.mean() < 0.9


def test_confusion_matrix_by_hand():
    boxes = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]], float)
    truth = PackedObjects(np.zeros(4, int), np.array([0, 1, 1, 0]), boxes, np.array([False, False, False, True]))
    found = PackedDetections(
        np.zeros(6, int),
        np.array([0, 0, 0, 1, 1, 1]),
        np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.1]),
        np.array([boxes[0], boxes[0], boxes[1], boxes[3], [90, 90, 99, 99], boxes[2]]),
    )
    # One right, one duplicate, class 1 taken for 0, one on a difficult object, one on nothing, one below the threshold.
    assert confusion_matrix(found, truth, 2, score_threshold=0.3).tolist() == [[1, 0, 0], [1, 0, 1], [1, 1, 0]]


def test_confusion_matrix_prefers_the_own_class_between_equal_boxes():
    box = np.array([[0.0, 0.0, 10.0, 10.0]] * 2)
    truth = PackedObjects(np.zeros(2, int), np.array([0, 1]), box, np.zeros(2, bool))
    found = PackedDetections(np.zeros(2, int), np.array([1, 0]), np.array([0.9, 0.8]), box)
    assert confusion_matrix(found, truth, 2).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_confusion_matrix_counts_every_object_once():
    found, truth = scene(7)
    matrix = confusion_matrix(found, truth._replace(difficult=np.zeros_like(truth.difficult)), CLASSES, 0.5)
    assert matrix[:-1].sum(1).tolist() == np.bincount(truth.labels, minlength=CLASSES).tolist()
    assert matrix[:, :-1].sum() == (found.scores >= 0.5).sum()
