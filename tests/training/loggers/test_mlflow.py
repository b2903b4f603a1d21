"""What MLflow is told, read back from the store of real runs by its own client."""

import json
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from tests.running import smoke_run

from lightweight_ssd.training.loggers.mlflow import OptionalMLflow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mlflow")
    quick = (f"runs={folder}", "pictures=1", "gray_test=false", "latency=null", "trainer.check_val_every_n_epoch=1")
    smoke_run(folder, "logger=mlflow", *quick)
    checkpoint = folder / "run/checkpoints/last.ckpt"
    smoke_run(folder, "logger=mlflow", "trainer.max_epochs=3", *quick, resume_from=checkpoint)
    return folder


@pytest.mark.slow
def test_a_resumed_run_is_one_run_with_all_its_scalars(folder: Path) -> None:
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("smoke")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "run" and run.info.status == "FINISHED"
    results = json.loads((folder / "run" / "results.json").read_text())
    assert run.data.metrics["test/map_50"] == pytest.approx(results["test"]["map_50"])
    assert run.data.metrics["metrics/parameters"] == results["parameters"]
    assert f"test_ap_50/{next(iter(results['test']['per_class']))}" in run.data.metrics
    steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "val/map_50")]
    assert len(set(steps)) == 3 and len({m.step for m in client.get_metric_history(run.info.run_id, "train/loss")}) > 10
    assert run.data.params["neck.width"] == "16" and run.data.params["seed"] == "0"
    assert run.data.tags["choice/neck"] == "cfpn" and run.data.tags["resumed_from"].endswith("last.ckpt")


@pytest.mark.slow
def test_pictures_and_results_are_artifacts_beside_the_store(folder: Path) -> None:
    known = json.loads((folder / "run" / "mlflow.json").read_text())
    client = MlflowClient(known["tracking_uri"])

    def names(place: str) -> set[str]:
        return {Path(each.path).name for each in client.list_artifacts(known["run_id"], place)}

    assert "results.json" in names("") and {"confusion_matrix.png", "curves.png"} <= names("pictures")
    assert len(names("val/detections")) == 3
    assert list((folder / "mlflow_artifacts").glob("*/artifacts/results.json"))


def test_a_store_that_cannot_be_reached_costs_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "runs").write_text("a file in the folder's place stops even root")
    logger = OptionalMLflow(str(tmp_path / "run"), str(tmp_path / "runs"))
    for step in range(3):
        logger.log_metrics({"train/loss": 0.5}, step)
    logger.finalize("success")
    assert logger.lost and caplog.text.count("the run continues without it") == 1
