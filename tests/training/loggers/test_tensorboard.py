"""What TensorBoard is told, read back from the event files of real runs by its own reader."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tests.running import smoke_run

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.training.loggers.tensorboard import OptionalTensorBoard

EVERYTHING = {"scalars": 0, "images": 0, "tensors": 0}


def read(run: Path) -> EventAccumulator:
    events = EventAccumulator(str(run / "tensorboard"), size_guidance=EVERYTHING)
    return events.Reload()


def values(events: EventAccumulator, name: str) -> dict[int, float]:
    return {event.step: event.value for event in events.Scalars(name)}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tensorboard")
    quick = ("pictures=1", "gray_test=false", "latency=null", "trainer.check_val_every_n_epoch=1")
    smoke_run(folder, "logger=tensorboard", *quick)
    smoke_run(
        folder, "logger=tensorboard", "trainer.max_epochs=3", *quick, resume_from=folder / "run/checkpoints/last.ckpt"
    )
    return folder / "run"


@pytest.mark.slow
def test_scalars_are_those_of_metrics_csv_also_after_a_resume(run: Path) -> None:
    events = read(run)
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name in ("train/loss", "val/map_50", "test/map_50"):
        expected = {int(row["step"]): float(row[name]) for row in rows if row[name]}
        assert expected and values(events, name) == pytest.approx(expected, abs=1e-6), name
    assert len(values(events, "val/map_50")) == 3


@pytest.mark.slow
def test_final_results_and_hyperparameters(run: Path) -> None:
    events, results = read(run), json.loads((run / "results.json").read_text())
    (last,) = set(values(events, "metrics/parameters").values())
    assert last == results["parameters"]
    assert list(values(events, "metrics/map_50").values())[-1] == pytest.approx(results["test"]["map_50"])
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    hparams = HParamsPluginData.FromString(content).session_start_info.hparams
    assert hparams["seed"].number_value == 0 and hparams["neck.width"].number_value == 16
    config = events.Tensors("config/text_summary")[-1].tensor_proto.string_val[0].decode()
    told = yaml.safe_load(config.removeprefix("```yaml\n").removesuffix("\n```"))
    assert told["config"]["neck"]["width"] == 16 and told["resumed_from"].endswith("last.ckpt")


@pytest.mark.slow
def test_detections_are_drawn_after_every_validation_and_the_plots_at_the_end(run: Path) -> None:
    events = read(run)
    tags = events.Tags()["images"]
    drawn = events.Images("val/detections")
    assert [event.step for event in drawn] == list(values(events, "val/map_50"))
    assert (drawn[0].height, drawn[0].width) == (7 * 64, 2 * 64), "seven validation images, each twice"
    assert {"pictures/confusion_matrix", "pictures/detections", "pictures/curves"} <= set(tags)


@pytest.mark.slow
def test_curves_grew_in_the_run_folder(run: Path) -> None:
    assert np.asarray(Image.open(run / "pictures" / "curves.png")).shape[0] > 300


def test_a_folder_that_cannot_be_written_costs_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "tensorboard").write_text("a file in the folder's place stops even root")
    logger = OptionalTensorBoard(str(tmp_path))
    for step in range(3):
        logger.log_metrics({"train/loss": 0.5}, step)
    logger.finalize("success")
    assert logger.lost and caplog.text.count("the run continues without it") == 1


@pytest.mark.parametrize("package", ["tensorboard", "mlflow"])
def test_a_missing_package_is_one_sentence_that_names_the_extra(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose([f"logger={package}", f"run_dir={tmp_path}", f"runs={tmp_path}", "experiment_name=any"])
    monkeypatch.setitem(sys.modules, package, None)  # as Python notes a module that an import does not find
    with pytest.raises(ValueError) as raised:
        build(config.logger)
    assert str(raised.value) == (
        f"Expected the package {package} for logger={package}, but it is not installed; give "
        f"pip install 'lightweight-ssd[{package}]', or logger=csv."
    )
