"""`evaluate` of an exported file: metrics and files as of a checkpoint, on the data of a run or on any other."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.command_line import run_command
from tests.running import smoke_config, smoke_run
from tests.small_onnx import small_onnx

from lightweight_ssd.config.settings import resolved
from lightweight_ssd.ops.thresholds import Thresholds
from lightweight_ssd.prediction.load import load
from lightweight_ssd.training.evaluation import evaluate

pytestmark = pytest.mark.slow  # a run is trained
CPU = {"accelerator": "cpu", "enable_progress_bar": False}
SETTINGS: dict[str, Any] = {"num_workers": 0, "pictures": 0, "trainer": CPU}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated_file")
    smoke_run(folder, "trainer.max_epochs=1", "pictures=0", "gray_test=false", "latency=null")
    return folder / "run"


@pytest.fixture(scope="module")
def file(run: Path) -> Path:
    """An exported file with the classes of the run; what it finds is as good as random."""
    names = load(run, "cpu").class_names
    ids = list(range(1, len(names) + 1))
    thresholds = Thresholds(score_threshold=0.2, max_detections=5)
    settings = {"class_names": names, "category_ids": ids, "thresholds": thresholds}
    return small_onnx(run.parent / "small.onnx", classes=len(names), **settings)


def test_on_the_data_of_a_run(run: Path, file: Path, tmp_path: Path) -> None:
    done = evaluate(run, model=file, output=tmp_path / "out", **SETTINGS)
    results, trained = done.results, evaluate(run, output=tmp_path / "trained", **SETTINGS).results
    assert results.model == str(file) and results.checkpoint == str(run / "checkpoints" / "best.ckpt")
    assert results.precision == "fp32" and results.input_size == [64, 96] and trained.model is None
    assert results.postprocess == {
        "score_threshold": 0.2, "iou_threshold": 0.6, "max_detections": 5, "max_candidates": 1000,
    }  # fmt: skip
    assert results.data == trained.data and results.parameters == trained.parameters
    assert done.metrics.map_50 is not None and done.metrics.coco is not None and done.precision_note is None
    assert {path.name for path in done.output.iterdir()} == {path.name for path in (tmp_path / "trained").iterdir()}


def test_its_detections_are_those_of_predict(run: Path, file: Path, tmp_path: Path) -> None:
    done = evaluate(run, model=file, output=tmp_path / "out", split="val", **SETTINGS)
    rows = json.loads((done.output / "detections.json").read_text())
    truth = json.loads((done.output / "ground_truth.json").read_text())["images"]
    assert rows and len(truth) > 1
    model = load(file)
    for image in truth[:3]:
        (path,) = (run.parent / "data").rglob(image["file_name"])
        found = model.predict(path, score_threshold=0.2)
        mine = [row for row in rows if row["image_id"] == image["id"]]
        assert len(found) > 0
        np.testing.assert_allclose([row["score"] for row in mine], found.scores, rtol=1e-5)
        expected = [row["bbox"] for row in found.to_coco(image["id"])]
        np.testing.assert_allclose([row["bbox"] for row in mine], expected, atol=2e-3)


def test_alone_on_any_data(run: Path, file: Path, tmp_path: Path) -> None:
    data = resolved(smoke_config(run.parent))["data"]
    settings = {"postprocess": {"max_detections": 3, "score_threshold": None}, **SETTINGS}
    done = evaluate(model=file, data=data, output=tmp_path / "out", coco_metric=False, **settings)
    same = evaluate(run, model=file, output=tmp_path / "run", coco_metric=False, **settings)
    assert done.metrics == same.metrics and done.results.model == str(file) and done.results.checkpoint is None
    assert done.results.postprocess is not None and done.results.postprocess["max_detections"] == 3
    assert done.results.postprocess["score_threshold"] == 0.2 and done.results.parameters is None


def test_from_the_shell(run: Path, file: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("num_workers=0", "pictures=0", "trainer=cpu", "coco_metric=false")
    ended = run_command(monkeypatch, capsys, "evaluate", str(run), str(file), *options)
    assert ended.code is None and "evaluations/run-small.onnx-test" in ended.out
    assert (tmp_path / "evaluations" / "run-small.onnx-test" / "results.json").is_file()
    few = ("data=shapes", "data.root=drawn", "data.train_images=1", "data.val_images=3", "data.test_images=1")
    ended = run_command(monkeypatch, capsys, "evaluate", str(file), *few, "split=val", *options)
    assert ended.code is None and (tmp_path / "evaluations" / "small.onnx-val" / "results.json").is_file()
    ended = run_command(monkeypatch, capsys, "evaluate", *options)
    assert ended.code == 1 and "Expected checkpoint or model, but neither was given" in ended.err


def test_what_cannot_be_measured_is_one_sentence(run: Path, file: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Expected data to measure .*small\.onnx on, but none was given; give"):
        evaluate(model=file, **SETTINGS)
    with pytest.raises(ValueError, match="Expected checkpoint or model, but neither was given"):
        evaluate(**SETTINGS)
    other = small_onnx(tmp_path / "other.onnx")
    with pytest.raises(ValueError, match=r"Expected .*other\.onnx to have the classes of .*best\.ckpt") as error:
        evaluate(run, model=other, output=tmp_path / "out", **SETTINGS)
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match=r"Expected a checkpoint but got .*small\.onnx, an exported file; give model="):
        evaluate(file, **SETTINGS)
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        evaluate(run, model=tmp_path / "missing.onnx", **SETTINGS)
    with pytest.raises(ValueError, match="Expected postprocess settings among"):
        evaluate(run, model=file, postprocess={"boxes": 3}, **SETTINGS)
