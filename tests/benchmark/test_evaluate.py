"""Our metrics beside the peers' on a handful of images: that all measure the same work, not how long that takes."""

import sys
from typing import Any

import pytest
import torch

from lightweight_ssd.benchmark.evaluate import benchmark_evaluate
from lightweight_ssd.benchmark.record import Record, reached

PEERS = ["pycocotools", "torchmetrics, pycocotools backend"]


def _record(**changed: Any) -> Record:
    return benchmark_evaluate(**{"images": 6, "detections": 20, "classes": [3], **changed})


def test_each_metric_stands_beside_each_peer() -> None:
    threads = torch.get_num_threads()
    record = _record()
    assert [(line.what, line.beside) for line in record.measurements] == [
        (f"{name} metric, 3 classes, 6 images", peer) for name in ("VOC", "COCO") for peer in PEERS
    ]
    assert all(line.ours > 0 and line.theirs and reached(line) is not None for line in record.measurements)
    assert torch.get_num_threads() == threads
    assert "no VOC metric" in record.notes[-1] and "AP per class" in record.notes[-1]


def test_every_number_of_classes_is_measured() -> None:
    lines = _record(classes=[2, 3], images=3).measurements
    assert {line.what.split(", ")[1] for line in lines} == {"2 classes", "3 classes"}


def test_peers_on_fewer_images_are_compared_with_us_on_the_same() -> None:
    lines = _record(peer_images=2).measurements
    assert [(line.what, line.theirs) for line in lines[:2]] == [
        ("VOC metric, 3 classes, 6 images", None),
        ("COCO metric, 3 classes, 6 images", None),
    ]
    assert {line.what.split(", ")[-1] for line in lines[2:]} == {"2 images"}


def test_a_peer_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics.detection", None)
    record = _record()
    assert {line.beside for line in record.measurements} == {PEERS[0]}
    assert "pip install torchmetrics" in record.notes[0]


def test_another_ap_is_no_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightweight_ssd.benchmark.evaluate._torchmetrics", lambda split: 0.5)
    with pytest.raises(ValueError, match=r"Expected the AP of torchmetrics, pycocotools backend, 0\.5"):
        _record()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": 0}, "Expected images to be a whole number of at least 1, but got 0"),
        ({"rounds": "many"}, "Expected rounds to be a whole number of at least 1, but got 'many'"),
        ({"classes": []}, r"Expected classes to be numbers of classes, such as \[20, 80\], but got \[\]"),
        ({"classes": [0]}, r"Expected classes to be numbers of classes"),
        ({"peer_images": 0}, "Expected peer_images to be a whole number of at least 1 or null, but got 0"),
        ({"peer_images": 7}, "Expected peer_images of at most images=6"),
    ],
)
def test_bad_settings_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _record(**changed)
