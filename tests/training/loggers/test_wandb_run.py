"""What W&B is told, read back from the run files that real offline runs leave."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Trainer
from tests.running import smoke_run
from tests.wandb_file import read_records

from lightweight_ssd.training.loggers.wandb import OptionalWandb
from lightweight_ssd.training.loggers.wandb_run import closed_at_the_end, filters, log_config

pytestmark = pytest.mark.slow

IDENTITY = {
    "content": "0123abcd", "row": "89abcdef", "label": "FPN", "paper": {"map_50": 0.729}, "baseline": False,
    "experiment": "necks", "scale": "smoke", "seed": 1, "choices": {"neck": "fpn", "row": "table3/fpn"},
    "overrides": ["neck=fpn", "seed=1"], "started": "2026-01-01T00:00:00+00:00",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wandb")
    row = "row={label: narrow, paper: {map_50: 0.74}, baseline: true}"
    settings = ("trainer.check_val_every_n_epoch=1", "pictures=1", "neck.circles=1", row)
    smoke_run(folder, "logger=csv_wandb", *settings)
    return folder / "run"


def test_group_job_type_and_tags_need_no_clicks(run: Path) -> None:
    started = next(_of_kind(run, "run"))
    assert (started.run_group, started.job_type, started.display_name) == ("smoke", "train", "run")
    assert set(started.tags) == {"backbone:mblitenet", "neck:cfpn", "loss:bll", "augment:basic", "seed:0"}


def test_what_tells_runs_apart_stands_flat_beside_the_nested_configuration(run: Path) -> None:
    config, identity = _merged(run, "config"), json.loads((run / "identity.json").read_text())
    assert config["choice/neck"] == "cfpn" and config["choice/augment"] == "basic"
    names = ("label", "row", "content", "scale", "seed", "experiment", "baseline")
    assert {name: config[f"identity/{name}"] for name in names} == {name: identity[name] for name in names}
    assert identity["label"] == "narrow" and len(identity["row"]) == 8
    assert "neck.circles=1" in config["identity/overrides"] and config["paper/map_50"] == 0.74
    assert config["neck"]["circles"] == 1 and config["row"]["label"] == "narrow"


def test_filters_are_scalars_and_replace_nothing_of_the_configuration(run: Path) -> None:
    told = filters(IDENTITY)
    assert all(value is None or isinstance(value, str | int | float) for value in told.values())
    assert told["choice/row"] == "table3/fpn" and told["identity/overrides"] == "neck=fpn seed=1"
    nested = {name for name in _merged(run, "config") if "/" not in name}
    assert nested >= {"seed", "row", "neck", "experiment_name"} and not nested & told.keys()


def test_summary_holds_the_best_map_and_not_the_last(tmp_path: Path) -> None:
    """The mAP of a real run seldom falls within two epochs, so these figures are given."""
    logger = OptionalWandb(save_dir=tmp_path, offline=True)
    trainer = Trainer(logger=logger, accelerator="cpu", default_root_dir=tmp_path, enable_model_summary=False)
    with closed_at_the_end():
        log_config(trainer, {"neck": {"width": 8}}, IDENTITY, None)
        for step, share in enumerate((0.1, 0.5, 0.2)):
            logger.log_metrics({"val/map_50": share, "val/loss": 1 - share}, step)
    summary = _merged(tmp_path, "summary")
    assert summary["val/map_50"] == {"max": 0.5}
    assert summary["val/loss"] == 0.8


def test_summary_of_a_run_agrees_with_its_own_files(run: Path) -> None:
    summary, results = _merged(run, "summary"), json.loads((run / "results.json").read_text())
    with (run / "metrics.csv").open(newline="") as file:
        measured = [float(row["val/map_50"]) for row in csv.DictReader(file) if row["val/map_50"]]
    assert len(measured) == 2 and summary["val/map_50"]["max"] == pytest.approx(max(measured))
    assert summary["test/map_50"] == pytest.approx(results["test"]["map_50"])
    assert summary["metrics/map_50"] == results["test"]["map_50"]
    assert summary["metrics/gray_map_50"] == results["test_gray"]["map_50"]
    assert summary["metrics/parameters"] == results["parameters"] and summary["metrics/macs"] == results["macs"]
    assert summary["metrics/latency_ms"] == results["latency"]["ms"]
    assert summary["metrics/training_hours"] == pytest.approx(results["training"]["seconds"] / 3600)


def test_every_curve_is_drawn_over_the_steps_of_the_optimiser(run: Path) -> None:
    metrics = {metric.name or metric.glob_name: metric for metric in _of_kind(run, "metric")}
    assert metrics["*"].step_metric == metrics["val/map_50"].step_metric == "trainer/global_step"
    assert metrics["val/map_50"].summary.max
    rows = [{_key(item): item.value_json for item in entry.item} for entry in _of_kind(run, "history")]
    for name in ("train/loss", "val/map_50", "val/detections", "test/map_50", "test_gray/map_50", "test/ap_per_class"):
        steps = [row.get("trainer/global_step") for row in rows if any(key.split(".")[0] == name for key in row)]
        assert steps and None not in steps, name


def test_results_and_identity_name_one_start(run: Path) -> None:
    started = [json.loads((run / name).read_text())["started"] for name in ("identity.json", "results.json")]
    assert started[0] == started[1]


def _of_kind(run: Path, kind: str) -> Iterator[Any]:
    return (getattr(record, kind) for record in read_records(run) if record.WhichOneof("record_type") == kind)


def _merged(run: Path, kind: str) -> dict[str, Any]:
    """The configuration, or the summary, as all its updates leave it."""
    merged: dict[str, Any] = {}
    started = [record.config for record in _of_kind(run, "run")] if kind == "config" else []
    for part in (*started, *_of_kind(run, kind)):
        merged |= {_key(item): json.loads(item.value_json) for item in part.update}
    return merged


def _key(item: Any) -> str:
    return item.key or ".".join(item.nested_key)
