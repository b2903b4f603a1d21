"""The files of a measured split: only what was measured, under the data's own ids."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.measured_images import NAMES, feed, image

from lightweight_ssd.metrics.coco import COCOMetric
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.runs.results import RunResults
from lightweight_ssd.runs.results_file import write_results
from lightweight_ssd.training.outputs import split_metrics, write_evaluation


@pytest.mark.slow
def test_an_image_that_was_skipped_is_in_no_file(tmp_path: Path) -> None:
    known = [image(image_id)[1]._replace(path=str(tmp_path / f"{image_id}.jpg")) for image_id in (1, 2, 3)]
    Image.fromarray(np.zeros((200, 200, 3), np.uint8)).save(known[0].path)
    Image.fromarray(np.zeros((200, 200, 3), np.uint8)).save(known[2].path)  # the second is missing
    metric = feed(VOCMetric(NAMES), [1, 3])
    write_evaluation(tmp_path / "run", known, metric.records(), metric.compute(), 12, (1, 3, 17, 90))
    truth, found = (
        json.loads((tmp_path / "run" / name).read_text()) for name in ("ground_truth.json", "detections.json")
    )
    assert [each["id"] for each in truth["images"]] == [1, 3] == sorted({each["image_id"] for each in found})
    assert {each["image_id"] for each in truth["annotations"]} <= {1, 3}
    assert [each["id"] for each in truth["categories"]] == [1, 3, 17, 90]
    assert {each["category_id"] for each in found} <= {1, 3, 17}
    assert (tmp_path / "run" / "pictures" / "detections.png").is_file()


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_metrics_as_json(tmp_path: Path) -> None:
    voc, coco = (feed(metric(NAMES), list(range(12))).compute() for metric in (VOCMetric, COCOMetric))
    write_results(tmp_path, RunResults(test=split_metrics(voc, coco), val=split_metrics(voc)))
    written = json.loads((tmp_path / "results.json").read_text())
    by_coco = written["test"].pop("coco")
    assert written["test"] == written["val"]
    assert by_coco.pop("per_class") == {
        name: {"ap": None if name == "never" else ap, "ap_50": None if name == "never" else ap_50}
        for name, ap, ap_50 in zip(NAMES, coco.class_ap, coco.class_ap_50, strict=True)
    }
    assert by_coco["ap"] == coco.ap and by_coco["ap_small"] is None and len(by_coco) == 12
