"""`lssd train` as a user meets it: the run folder, the messages, the signals, Weights & Biases."""

import csv
import json
import signal
import time
from pathlib import Path

import pytest
import torch
import yaml
from tests.command_line import run_command
from tests.run_server import Forked, RunServer
from tests.running import smoke_run
from tests.wandb_file import read_records

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    smoke_run(folder, "logger=csv_wandb", "callbacks.ema.decay=0.9")
    return folder / "run"


def test_run_folder_holds_everything(run: Path) -> None:
    names = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file() and "wandb" not in path.parts}
    pictures = ("average_precision", "confusion_matrix", "detections", "precision_recall")
    pictures += ("data_train", "data_val", "data_test", "curves")
    expected = {"config.yaml", "overrides.yaml", "environment.json", "metrics.csv", "results.json", "detections.json"}
    expected |= {
        "identity.json",
        "times.csv",
        "detections_gray.json",
        "ground_truth.json",
        "status.json",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
    }
    assert names == expected | {f"pictures/{name}.png" for name in pictures}


def test_results_name_all_final_figures(run: Path) -> None:
    results = json.loads((run / "results.json").read_text())
    assert {"map_50", "map_50_11point", "map_50_95", "per_class"} <= results["test"].keys()
    assert results["parameters"] > 0 and results["macs"] > 0
    assert results["training"]["steps"] == 12 and results["training"]["seconds"] > 0
    assert results["postprocess"]["score_threshold"] == 0.01  # it stands beside the metrics
    assert results["environment"] == json.loads((run / "environment.json").read_text())  # as the run began
    assert results["environment"]["versions"]["torch"] == torch.__version__.split("+")[0]


def test_results_hold_the_gray_version_the_latency_and_the_row(run: Path) -> None:
    results = json.loads((run / "results.json").read_text())
    assert results["test_gray"].keys() == results["test"].keys() and results["latency"]["ms"] > 0
    with (run / "metrics.csv").open(newline="") as file:
        logged = {name: float(value) for row in csv.DictReader(file) for name, value in row.items() if value}
    assert logged["test/map_50"] == pytest.approx(results["test"]["map_50"], abs=1e-6)
    assert logged["test_gray/map_50"] == pytest.approx(results["test_gray"]["map_50"], abs=1e-6)
    best = max(float(row["val/map_50"]) for row in csv.DictReader((run / "metrics.csv").open()) if row["val/map_50"])
    assert results["training"]["best_validation"]["map_50"] == pytest.approx(best, abs=1e-6)
    identity = json.loads((run / "identity.json").read_text())
    assert identity["row"] == results["row"] and identity["content"] == results["content"]


def test_the_rate_scales_with_the_batch_and_is_recorded(run: Path) -> None:
    """The learning rate scales with the batch: 0.004 for 126 images is 0.004 · 4 / 126 for four."""
    results = json.loads((run / "results.json").read_text())
    assert results["training"]["learning_rate"] == pytest.approx(0.004 * 4 / 126)
    with (run / "metrics.csv").open(newline="") as file:
        rates = [float(row["lr"]) for row in csv.DictReader(file) if row["lr"]]
    assert max(rates) == pytest.approx(0.004 * 4 / 126)


def test_detections_are_cocos_and_give_the_same_figure(run: Path) -> None:
    from lightweight_ssd.data.formats.coco_results import read_detections

    truth = json.loads((run / "ground_truth.json").read_text())
    found = read_detections(run / "detections.json", [image["id"] for image in truth["images"]])
    ids = {image["id"] for image in truth["images"]}
    per_image = [int((found.image_ids == image_id).sum()) for image_id in ids]
    assert len(ids) == 7 and set(found.image_ids.tolist()) <= ids and 0 < max(per_image) <= 100


def test_config_is_plain_and_resolved(run: Path) -> None:
    text = (run / "config.yaml").read_text()
    assert "${" not in text
    assert yaml.safe_load(text)["datamodule"]["source"] == yaml.safe_load(text)["data"]


def test_wandb_run_is_closed_and_holds_config_curves_and_boxes(run: Path) -> None:
    """The run's config and metrics, read back from the offline run's own file."""
    records = read_records(run)
    kinds = {record.WhichOneof("record_type") for record in records}
    assert {"run", "history", "summary", "exit"} <= kinds
    started = next(record.run for record in records if record.WhichOneof("record_type") == "run")
    assert started.run_group == "smoke" and started.job_type == "train"
    assert {"backbone:mblitenet", "neck:cfpn", "loss:bll", "augment:basic", "seed:0"} <= set(started.tags)
    configured = {item.key for record in records for item in record.config.update}
    configured |= {item.key for item in started.config.update}
    assert {"detector", "optim", "seed", "data"} <= configured
    history = {_key(item) for record in records for item in record.history.item}
    assert {"val/map_50", "train/loss", "val/detections", "test/ap_per_class"} <= {key.split(".")[0] for key in history}
    assert next(record.exit.exit_code for record in records if record.WhichOneof("record_type") == "exit") == 0


def test_two_runs_of_one_process_are_two_wandb_runs(run: Path, tmp_path: Path) -> None:
    smoke_run(tmp_path, "logger=wandb", "trainer.max_epochs=1")
    ids = {next(r.run.run_id for r in read_records(folder) if r.run.run_id) for folder in (run, tmp_path / "run")}
    assert len(ids) == 2


def test_failing_run_says_what_and_closes_wandb_as_failed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"not finite at step .* lower optim.lr"):
        smoke_run(tmp_path, "logger=wandb", "optim=sgd", "optim.lr=1e30", "trainer.max_epochs=9")
    codes = [r.exit.exit_code for r in read_records(tmp_path / "run") if r.WhichOneof("record_type") == "exit"]
    assert codes == [1]


def test_interrupted_run_leaves_all_it_needs_and_goes_on(server: RunServer, tmp_path: Path) -> None:
    """A real process, a real Ctrl-C, then the same command with resume=auto."""
    command = ("train", "experiment=smoke", "trainer.max_epochs=400")
    process = server.start(tmp_path, *command)
    _wait_for(lambda: any(path for path in tmp_path.glob("runs/smoke/*/checkpoints/best.ckpt")), process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130, stderr
    assert "same command with resume=auto" in stderr and "Traceback" not in stderr

    (folder,) = (tmp_path / "runs" / "smoke").iterdir()
    status = json.loads((folder / "status.json").read_text())
    assert status["state"] == "interrupted" and "SIGINT" in status["error"]
    assert any(record.WhichOneof("record_type") == "exit" for record in read_records(folder))
    stopped_at = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]

    process = server.start(tmp_path, *command, "resume=auto")
    _wait_for(lambda: (json.loads((folder / "status.json").read_text()).get("step") or 0) > stopped_at, process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=300)
    assert list((tmp_path / "runs" / "smoke").iterdir()) == [folder]
    resumed = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]
    assert resumed >= stopped_at
    assert len(list((folder / "wandb").glob("offline-run-*"))) == 2  # a resumed run is a new one of the same group


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("objective=val/map50", "Expected objective as a metric that a job returns but got val/map50; give"),
        ("callbacks.best.monitor=val/map50", "Expected callbacks.best.monitor as a metric that training logs but got"),
    ],
)
def test_a_figure_that_is_not_there_is_refused_before_there_is_a_run(
    tmp_path: Path, monkeypatch, capsys, override: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run_command(monkeypatch, capsys, "train", "experiment=smoke", override)
    assert outcome.code == 1 and said in outcome.err
    assert not list(tmp_path.glob("runs/smoke/*"))


def test_an_objective_of_coco_needs_its_metric(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("experiment=smoke", "coco_metric=null", "objective=test/coco_ap")
    outcome = run_command(monkeypatch, capsys, "train", *options)
    assert outcome.code == 1 and "Expected coco_metric for objective=test/coco_ap, but it is null" in outcome.err
    assert not list(tmp_path.glob("runs/smoke/*"))


def test_without_a_best_checkpoint_it_trains_and_a_finished_run_has_nothing_to_do(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ("train", "experiment=smoke", "trainer.max_steps=2", "logger=csv", "callbacks.best=null")
    first = run_command(monkeypatch, capsys, *command)
    assert first.code is None, first.err
    assert "No validation took place" not in first.out  # nothing waited for one
    again = run_command(monkeypatch, capsys, *command, "resume=auto", "objective=val/map50")
    assert again.code is None and "Nothing to do" in again.out


def _wait_for(condition, process: Forked, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "the run did not get that far"
        time.sleep(0.2)


def _key(item) -> str:
    return item.key or ".".join(item.nested_key)
