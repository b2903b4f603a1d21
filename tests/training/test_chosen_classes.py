"""A detector of some of the classes of its data: trained, evaluated and used; its files keep the category ids."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.running import smoke_run

from lightweight_ssd.checkpoint.load import load_trained
from lightweight_ssd.config.compose import compose
from lightweight_ssd.prediction.load import load
from lightweight_ssd.runs.identity import content_of
from lightweight_ssd.training.evaluation import evaluate

pytestmark = pytest.mark.slow  # runs are trained
CPU = {"accelerator": "cpu", "enable_progress_bar": False}
QUICK = ("trainer.max_epochs=1", "gray_test=false", "latency=null", "pictures=2")
CHOSEN = "data.classes=[heart, circle]"  # the fifth and the first shape


def _json(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    smoke_run(folder, CHOSEN, *QUICK, run_dir="background")
    smoke_run(folder, CHOSEN, "data.other_classes=ignore", *QUICK, run_dir="ignore")
    return folder


@pytest.mark.parametrize("kind", ["background", "ignore"])
def test_the_run_knows_its_classes_alone(root: Path, kind: str) -> None:
    run = root / kind
    results, truth = _json(run / "results.json"), _json(run / "ground_truth.json")
    assert list(results["test"]["per_class"]) == ["heart", "circle"]
    assert truth["categories"] == [{"id": 5, "name": "heart"}, {"id": 1, "name": "circle"}]
    assert {entry["category_id"] for entry in _json(run / "detections.json")} <= {1, 5}
    assert len(truth["images"]) == 7, "images without a chosen object are measured, too"
    ignored = [entry["category_id"] for entry in truth["annotations"] if entry["ignore"]]
    assert ignored.count(5) == ignored.count(1) and bool(ignored) == (kind == "ignore")
    counted = [entry for entry in truth["annotations"] if not entry["ignore"]]
    assert len(counted) == sum(one["objects"] for one in results["test"]["per_class"].values())
    trained = load_trained(run / "checkpoints" / "last.ckpt")
    assert (trained.class_names, trained.category_ids) == (["heart", "circle"], [5, 1])
    assert (run / "pictures" / "detections.png").is_file() and (run / "pictures" / "data_train.png").is_file()


@pytest.mark.parametrize("kind", ["background", "ignore"])
def test_evaluate_and_load_find_the_same_classes(root: Path, tmp_path: Path, kind: str) -> None:
    checkpoint = root / kind / "checkpoints" / "best.ckpt"
    done = evaluate(checkpoint, output=tmp_path / "out", num_workers=0, pictures=0, trainer=CPU)
    assert _json(tmp_path / "out" / "results.json")["test"] == _json(root / kind / "results.json")["test"]
    assert done.metrics.per_class is not None and list(done.metrics.per_class) == ["heart", "circle"]
    found = load(checkpoint).predict(np.full((60, 80, 3), 90, np.uint8), score_threshold=0.0)
    assert found.class_names == ["heart", "circle"] and {*found.labels.tolist()} <= {0, 1}


def test_other_data_with_more_classes_is_offered_the_choice(root: Path, tmp_path: Path) -> None:
    checkpoint = root / "background" / "checkpoints" / "best.ckpt"
    with pytest.raises(ValueError, match="trained on") as raised:
        evaluate(checkpoint, data={"classes": None}, output=tmp_path / "out", trainer=CPU)
    assert "; add 'data.classes=[heart, circle]', which chooses these of the data's." in str(raised.value)


def test_ignored_objects_change_what_is_counted(root: Path) -> None:
    detections, metrics = (
        [_json(root / kind / name) for kind in ("background", "ignore")] for name in ("detections.json", "results.json")
    )
    assert detections[0] != detections[1], "the loss takes part"
    assert metrics[0]["data"]["digests"] != metrics[1]["data"]["digests"]


def test_a_choice_is_another_run() -> None:
    hashes = {
        content_of(compose(["experiment=smoke", "experiment_name=smoke", *more]))
        for more in ([], [CHOSEN], [CHOSEN, "data.other_classes=ignore"], ["data.classes=[circle, heart]"])
    }
    assert len(hashes) == 4
