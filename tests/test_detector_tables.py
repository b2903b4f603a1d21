"""The paper's Tables 5 and 6 and its Figure 1: rows, input sizes, counts, and what the paper prints."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hydra import initialize_config_dir

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.report.paper_results import TABLE_5
from lightweight_ssd.training.measure import measure
from lightweight_ssd.training.split_data import SplitData
from lightweight_ssd.training.stages import fit, prepare
from tests.composed_jobs import Job, cost_of, job_of, jobs_of
from tests.run_server import RunServer

LAST = "Lightweight SSD"
# Input, parameters at 20 classes, and GMACs of one image, three digits.
COUNTS = {
    "Faster R-CNN, VGG-16": (300, 137_073_622, "64.7"),
    "SSD300, VGG-16": (300, 26_285_486, "31.4"),
    "SSD300, Mobilenet": (300, 5_781_464, "1.15"),
    "SSD300, Mobilenet v2": (300, 4_905_368, "0.667"),
    "SSD300, Mobilenet v2 + FPN": (300, 5_481_752, "0.727"),
    "YOLOv2, Darknet-19": (544, 50_655_389, "25.1"),
    "YOLOv3, Darknet-53": (608, 61_626_049, "69.9"),
    "YOLOv3, Mobilenet": (300, 24_248_097, "5.59"),
    "YOLO Nano": (300, 4_661_112, "1.72"),
    "Tiny YOLOv2": (416, 15_861_773, "3.49"),
    "Tiny YOLOv3": (416, 8_713_766, "2.74"),
    "ThunderNet, SNet49": (320, 1_086_310, "0.249"),
    "Pelee": (304, 5_425_892, "1.2"),
    "Lightweight SSD": (300, 4_862_678, "1.55"),
}


@pytest.fixture(autouse=True, scope="module")
def _configs() -> Iterator[None]:
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        yield


def _row(label: str, experiment: str = "table5", *typed: str) -> Job:
    return next(job for job in jobs_of(experiment, *typed) if job.config["row"]["label"] == label)


def test_the_rows_are_the_paper_s_in_its_order() -> None:
    rows = [job.config["row"] for job in jobs_of("table5")]
    printed = {each.name.removesuffix(" (the paper)"): each for each in TABLE_5}
    order = [name for name in printed if name in COUNTS]
    assert [row["label"] for row in rows] == list(COUNTS) == order
    for row in rows:
        theirs = printed[row["label"]]
        kept = {"map_50": theirs.map_50, "parameters": theirs.parameters, "latency_ms": theirs.latency_ms}
        assert row["paper"] == pytest.approx({key: value for key, value in kept.items() if value is not None})
        expected = (CONF_DIR / "experiment" / "table5.yaml").read_text().split("# Expected:")[1].split("# Found")[0]
        assert f" {100 * theirs.map_50:g} (" in expected, "the card quotes the paper"
        assert row["note"].endswith("."), "each row says what the printed count is"


def test_rows_keep_their_input_sizes() -> None:
    """At the scale that has the smallest of its own; the other scales are tested with a row of another size."""
    for job in (*jobs_of("table5"), *jobs_of("table5", "scale=smoke")):
        sizes = {job.config["image_size"], job.config["datamodule"]["resize"]["image_size"]}
        expected = COUNTS[job.config["row"]["label"]][0]
        assert sizes == {job.config["augment"]["image_size"]} == {expected}


@pytest.mark.parametrize("label", COUNTS)
def test_counts(label: str) -> None:
    size, parameters, gmacs = COUNTS[label]
    job = _row(label)
    cost = cost_of(job)
    assert (cost["parameters"], cost["input_size"]) == (parameters, [size, size])
    assert job.config["row"]["parameters"] == parameters
    assert f"{cost['macs'] / 1e9:.3g}" == gmacs


def test_table_6_and_figure_1_are_the_runs_of_table_5() -> None:
    runs = {job.config["row"]["label"]: job.content for job in jobs_of("table5", "scale=smoke")}
    timed = [each.name.removesuffix(" (the paper)") for each in TABLE_5 if each.latency_ms]
    found = {job.config["row"]["label"]: job.content for job in jobs_of("table6", "scale=smoke")}
    assert found == {label: runs[label] for label in timed if label in COUNTS}
    drawn = job_of("experiment=figure1", "scale=smoke", "row=table5/lightweight_ssd")
    assert drawn.content == runs[LAST]
    assert job_of("experiment=figure1").sweeper["params"] == job_of("experiment=table5").sweeper["params"]
    for name in ("table6", "figure1"):
        assert yaml.safe_load((CONF_DIR / "experiment" / f"{name}.yaml").read_text())["experiment_name"] == "table5"


@pytest.mark.parametrize(("label", "table", "row"), [
    ("SSD300, Mobilenet", "table3", "table3/mobilenet"),
    ("SSD300, Mobilenet v2", "table3", "table3/mobilenet_v2"),
    ("SSD300, Mobilenet v2 + FPN", "table3", "table3/mobilenet_v2_fpn"),
    ("Lightweight SSD", "table4", "table4/bll_gray_mix_rgb"),
])  # fmt: skip
def test_rows_of_earlier_tables_are_the_same_runs(label: str, table: str, row: str) -> None:
    assert _row(label).content == job_of(f"experiment={table}", f"row={row}").content


def test_a_detector_brings_its_learning_rate_which_rows_scales_and_the_command_line_can_replace() -> None:
    assert compose(["detector=yolov3"]).optim.lr == compose(["row=table5/yolov3"]).optim.lr == 0.002
    assert compose(["row=table5/pelee", "scale=full"]).optim.lr == 0.02, "SGD's"
    assert compose(["row=table5/pelee", "scale=short"]).optim.lr == compose(["optim=adamw"]).optim.lr, "AdamW's"
    assert compose(["row=table5/faster_rcnn", "scale=short"]).optim.lr == compose(["optim=adamw"]).optim.lr / 10
    assert compose(["detector=yolov3", "scale=shapes"]).optim.lr == compose(["scale=shapes"]).optim.lr == 0.04
    assert compose(["detector=yolov3", "optim=adamw", "optim.lr=0.5"]).optim.lr == 0.5
    assert compose([]).optim.lr == 0.1


def test_texts_of_a_row_are_no_content() -> None:
    usual = job_of("experiment=table5", "row=table5/mobilenet")
    other = job_of("experiment=table5", "row=table5/mobilenet", "row.note=another", "row.parameters=1", "row.label=a")
    assert other.content == usual.content and other.config["row"] != usual.config["row"]


# What makes a row small enough for a test: two images of a system that is narrower, at the least size that it takes.
SMALLER = {
    "Faster R-CNN, VGG-16": ("image_size=96", "backbone.width=0.125", "detector.head.hidden=[32,32]"),
    "SSD300, VGG-16": ("image_size=300", "backbone.width=0.125"),
    "YOLOv2, Darknet-19": ("image_size=96", "backbone.width=0.125", "neck.width=0.125"),
    "YOLOv3, Darknet-53": ("image_size=96", "backbone.width=0.125"),
    "Tiny YOLOv2": ("image_size=96", "backbone.width=0.125"),
    "Tiny YOLOv3": ("image_size=96", "backbone.width=0.125", "neck.width=0.125"),
    "Pelee": ("image_size=304", "backbone.width=0.25"),
}


@pytest.mark.slow
@pytest.mark.parametrize("label", COUNTS)
def test_every_row_trains_and_is_measured_at_scale_smoke(
    label: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shared = tmp_path_factory.getbasetemp() / "shapes"  # drawn once
    few = ("data.train_images=4", "data.val_images=2", "data.test_images=2", "trainer.max_steps=1", "batch_size=2")
    places = (f"run_dir={tmp_path / 'run'}", f"data.root={shared}", "callbacks.curves=null")
    row = f"row={_row(label).choices['row']}"
    typed = ("experiment=table5", "scale=smoke", row, *few, *places, *SMALLER.get(label, ("image_size=96",)))
    (tmp_path / "run").mkdir()
    parts = prepare(resolved(compose(typed)))
    training = fit(parts, None)
    measured = measure(parts.trainer, parts.task.scorer, SplitData(parts.datamodule, "test"))
    assert training["steps"] == 1  # a loss that is not finite would have stopped it
    assert len(measured.detections) == 2 and 0 <= measured.result.map_50 <= 1


@pytest.mark.slow
def test_figure_1_takes_the_runs_that_table_6_has_made_and_the_report_draws_them(
    server: RunServer, tmp_path: Path
) -> None:
    few = (
        "row=table5/mobilenet_v2",
        "scale=smoke",
        "trainer.max_steps=1",
        "datamodule.first_images=2",
        "batch_size=2",
        "pictures=0",
    )
    for experiment, outcome in (("table6", "1 done"), ("figure1", "1 skipped")):
        code, out, err = server.run(tmp_path, "train", "-m", f"experiment={experiment}", *few)
        assert code == 0 and outcome in out, err
    assert [path.name for path in (tmp_path / "runs").iterdir() if path.name != "sweeps"] == ["table5"]
    notes = [json.loads(path.read_text())["note"] for path in (tmp_path / "runs" / "table5").glob("*/results.json")]
    assert notes == [_row("SSD300, Mobilenet v2").config["row"]["note"]]
    code, out, err = server.run(tmp_path, "report", "runs/table5")
    assert code == 0 and "SSD300, Mobilenet v2" in out, err
    for cost in ("parameters", "macs", "latency_ms"):
        assert (tmp_path / "report" / "plots" / f"accuracy_{cost}.png").stat().st_size > 10_000
