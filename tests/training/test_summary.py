"""The lines that a run ends with: every claim is checked against a run whose errors are known."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.run_folders import write_table

from lightweight_ssd.data.formats.coco_results import write_detections, write_ground_truth
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.training.outputs import record_results, split_metrics
from lightweight_ssd.training.run import TrainedRun
from lightweight_ssd.training.summary import run_summary
from lightweight_ssd.types import Annotation

CONFIG = {"detector": {"postprocess": {}}, "seed": 0, "experiment_name": "smoke"}


def write_run(
    folder: Path,
    names: list[str],
    truth: list[list[tuple[int, list[float]]]],
    found: list[list[tuple[int, float, list[float]]]],
    about: dict[str, Any] | None = None,
) -> Path:
    """A run folder whose files agree: objects and detections per image of 300×300."""
    import torch

    from lightweight_ssd.tensor_types import Detections

    known, detections, metric = [], {}, VOCMetric(names)
    for number, (objects, hits) in enumerate(zip(truth, found, strict=True), 1):
        boxes = np.array([box for _, box in objects], np.float32).reshape(-1, 4)
        labels = np.array([label for label, _ in objects], int)
        known.append(Annotation.of_boxes(number, str(folder / f"{number}.jpg"), 300, 300, boxes, labels))
        hits = sorted(hits, key=lambda hit: -hit[1])
        detections[number] = Detections(
            torch.tensor([box for *_, box in hits], dtype=torch.float32).reshape(-1, 4),
            torch.tensor([score for _, score, _ in hits], dtype=torch.float32),
            torch.tensor([label for label, *_ in hits], dtype=torch.int64),
        )
    metric.update(list(detections.values()), known)
    folder.mkdir()
    result = metric.compute()
    write_detections(folder / "detections.json", detections, list(range(1, len(names) + 1)))
    write_ground_truth(folder / "ground_truth.json", known, names, list(range(1, len(names) + 1)))
    about = {"input_size": [300, 300], **(about or {})}
    record_results(folder, "test", split_metrics(result), CONFIG, about)
    return folder


def big(place: int) -> list[float]:
    return [10.0 + place, 20.0, 110.0 + place, 150.0]


def test_a_class_that_is_taken_for_another_is_named_with_its_numbers(tmp_path: Path) -> None:
    truth = [[(image % 2, big(image))] for image in range(20)]
    found = [[(0, 0.9, big(image))] for image in range(20)]  # every dog is found, as a cat
    data = {"train_objects": {"cat": 400, "dog": 30}}
    text = run_summary(write_run(tmp_path / "run", ["cat", "dog"], truth, found, {"data": data}))
    (weak,) = [line for line in text.splitlines() if line.startswith("weak")]
    assert weak.startswith("weak: dog, AP50 0.0: 30 training objects (median of the classes 215)")
    assert "confused with cat (10 of 10 objects)" in weak and "wrong classes cost 100.0" in weak
    assert text.startswith("test: AP50 ") and "(20 images, 20 objects, 2 classes)" in text
    assert "wrong classes" in text.splitlines()[1] and f"checkpoint={tmp_path / 'run'}" in text


def test_small_objects_that_are_missed(tmp_path: Path) -> None:
    small = [[5.0, 5.0, 15.0, 15.0], [50.0, 50.0, 58.0, 58.0]]
    truth = [[(0, big(image)), (1, small[0]), (1, small[1])] for image in range(6)]
    found = [[(0, 0.9, big(image)), (1, 0.8, small[0])][: 1 + (image == 0)] for image in range(6)]
    text = run_summary(write_run(tmp_path / "run", ["cat", "ant"], truth, found))
    (weak,) = [line for line in text.splitlines() if line.startswith("weak")]
    assert "100 % of its 12 test objects are below 32×32 px at the input" in weak
    assert "missed objects cost 91.7" in weak and "training object" not in weak, "nothing is claimed without a number"


def test_good_classes_are_not_called_weak(tmp_path: Path) -> None:
    truth = [[(image % 3, big(image))] for image in range(9)]
    found = [[(label, 0.9, box) for label, box in objects] for objects in truth]
    text = run_summary(write_run(tmp_path / "run", ["a", "b", "c"], truth, found))
    assert "weak" not in text and "errors: no kind of error costs more than 0.5 AP50" in text
    assert 3 <= len(text.splitlines()) <= 6


def test_one_class_is_compared_with_nothing(tmp_path: Path) -> None:
    truth, found = [[(0, big(0))], [(0, big(9))]], [[(0, 0.9, big(0))], []]
    text = run_summary(write_run(tmp_path / "run", ["a"], truth, found))
    assert "weak" not in text and "(2 images, 2 objects, 1 class)" in text and "missed objects 50.0" in text


def test_no_more_than_three_weak_classes_have_a_line(tmp_path: Path) -> None:
    truth = [[(label, big(label))] for label in range(8)]
    found = [[(label, 0.9, big(label))] if label < 3 else [] for label in range(8)]
    lines = run_summary(write_run(tmp_path / "run", [f"c{n}" for n in range(8)], truth, found)).splitlines()
    assert sum(line.startswith("weak: ") for line in lines) == 3 and len(lines) == 9
    assert "      and 2 more below 28.1, three quarters of the mean" in lines


def test_the_same_text_every_time_and_from_python(tmp_path: Path) -> None:
    (run, *_) = write_table(tmp_path, seeds=(0,))
    text = run_summary(run)
    assert text == run_summary(run) == TrainedRun(run, run / "checkpoints" / "best.ckpt").summary
    test = json.loads((run / "results.json").read_text())["test"]
    assert text.startswith(f"test: AP50 {100 * test['map_50']:.1f}, ")


def test_without_a_metric_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        (tmp_path / "empty").mkdir()
        (tmp_path / "empty" / "results.json").write_text('{"test": {"map_50": 0.5, "map_50_95": 0.2}}')
        run_summary(tmp_path / "empty")
    (tmp_path / "empty" / "results.json").unlink()
    assert run_summary(tmp_path / "empty") == ""
