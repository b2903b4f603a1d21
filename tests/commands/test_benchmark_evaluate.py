"""`lssd benchmark evaluate` on a handful of images: that it measures the same work, not how long that takes."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tests.command_line import run_command

from lightweight_ssd.benchmark.record import reached
from lightweight_ssd.commands.benchmark_evaluate import measure
from lightweight_ssd.config.paths import CONF_DIR

PEERS = ["pycocotools", "torchmetrics, pycocotools backend"]


def _config(**changed: Any) -> dict[str, Any]:
    config = yaml.safe_load((CONF_DIR / "benchmark_evaluate.yaml").read_text())
    return {**config, "images": 6, "detections": 20, "classes": [3], **changed}


def test_each_metric_stands_beside_each_peer() -> None:
    threads = torch.get_num_threads()
    record = measure(_config())
    assert [(figure.what, figure.beside) for figure in record.figures] == [
        (f"{name} metric, 3 classes, 6 images", peer) for name in ("VOC", "COCO") for peer in PEERS
    ]
    assert all(figure.ours > 0 and figure.theirs and reached(figure) is not None for figure in record.figures)
    assert torch.get_num_threads() == threads
    assert "no VOC figure" in record.notes[-1] and "AP per class" in record.notes[-1]


def test_peers_on_fewer_images_are_compared_with_us_on_the_same() -> None:
    figures = measure(_config(peer_images=2)).figures
    assert [(figure.what, figure.theirs) for figure in figures[:2]] == [
        ("VOC metric, 3 classes, 6 images", None),
        ("COCO metric, 3 classes, 6 images", None),
    ]
    assert {figure.what.split(", ")[-1] for figure in figures[2:]} == {"2 images"}


def test_a_peer_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics.detection", None)
    record = measure(_config())
    assert {figure.beside for figure in record.figures} == {PEERS[0]}
    assert "pip install torchmetrics" in record.notes[0]


def test_another_ap_is_no_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightweight_ssd.commands.benchmark_evaluate._torchmetrics", lambda split: 0.5)
    with pytest.raises(ValueError, match=r"Expected the AP of torchmetrics, pycocotools backend, 0\.5"):
        measure(_config())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": 0}, "Expected images as a whole number of at least 1 but got 0"),
        ({"rounds": "many"}, "Expected rounds as a whole number"),
        ({"classes": []}, "Expected classes as numbers of classes"),
        ({"peer_images": 7}, "Expected peer_images from 1 to images=6"),
    ],
)
def test_bad_settings_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(_config(**changed))


def test_the_command_appends_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "RESULTS.md"
    small = ("images=4", "detections=10", "classes=[2]", f"results={results}")
    ended = run_command(monkeypatch, capsys, "benchmark", "evaluate", *small)
    assert ended.code is None and "| COCO metric, 2 classes, 4 images" in ended.out
    assert "## evaluate, " in results.read_text() and "faster-coco-eval" in results.read_text()
