"""`evaluate` from Python: the metrics of the run, other data, other settings, and what is refused."""

import inspect
from pathlib import Path

import pytest
from tests.running import smoke_config, smoke_run

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.runs.results_file import read_results
from lightweight_ssd.training.evaluation import default_output, evaluate, trained_precision

pytestmark = pytest.mark.slow  # a run is trained
CPU = {"accelerator": "cpu", "enable_progress_bar": False}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation")
    smoke_run(folder, "trainer.max_epochs=1", "pictures=0", "gray_test=false", "latency=null")
    return folder / "run"


def _checkpoint(run: Path) -> Path:
    return run / "checkpoints" / "best.ckpt"


def test_the_metrics_of_the_run(run: Path, tmp_path: Path, capsys) -> None:
    done = evaluate(str(_checkpoint(run)), output=tmp_path / "out", num_workers=0, pictures=0, trainer=CPU)
    assert done.output == tmp_path / "out" and done.split == "test"
    assert done.metrics == done.results.test == read_results(run).test
    assert done.results.checkpoint == str(_checkpoint(run)) and capsys.readouterr().out == ""


def test_the_data_elsewhere_and_other_settings(run: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    (run.parent / "data").rename(moved)
    try:
        done = evaluate(
            _checkpoint(run), data={"root": str(moved)}, split="val", output=tmp_path / "out", num_workers=0,
            pictures=0, coco_metric=False, postprocess={"max_detections": 3, "iou_threshold": None}, trainer=CPU,
        )  # fmt: skip
    finally:
        moved.rename(run.parent / "data")
    assert done.results.val is not None and done.metrics.coco is None and done.results.test is None
    assert done.results.postprocess is not None and done.results.postprocess["max_detections"] == 3
    assert done.results.postprocess["iou_threshold"] == read_results(run).postprocess["iou_threshold"]  # pyright: ignore


def test_whole_other_data(run: Path, tmp_path: Path) -> None:
    data = resolved(smoke_config(run.parent, "data.seed=3", "data.test_images=5"))["data"]
    done = evaluate(_checkpoint(run), data=data, output=tmp_path / "out", num_workers=0, pictures=0, trainer=CPU)
    assert done.results.data is not None and done.results.data != read_results(run).data


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"split": "train"}, "Expected split to be one of"),
        ({"pictures": -1}, "Expected pictures to be a whole number of at least 0, but got -1"),
        ({"eval_batch_size": "8"}, "Expected eval_batch_size to be a whole number"),
        ({"postprocess": {"max_boxes": 3}}, "Expected postprocess settings among"),
        ({"threshold": 0.5}, "There is no setting threshold"),
        ({"data": {"class_names": ["circle", "square"]}}, "but the detector was trained on"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(run: Path, arguments: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        evaluate(_checkpoint(run), **{"trainer": CPU, **arguments})


def test_the_checkpoint_must_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="There is no checkpoint at"):
        evaluate(tmp_path / "missing.ckpt")


def test_the_folder_that_is_not_named() -> None:
    checkpoints = Path("/runs/demo/checkpoints")
    named = [default_output(path, "test").name for path in (checkpoints / "best.ckpt", checkpoints / "last.ckpt")]
    assert named == ["demo-test", "demo-last-test"]
    assert default_output(Path("mine.ckpt"), "val") == Path("evaluations/mine-val")


def test_the_settings_of_the_command_are_the_arguments() -> None:
    settings = compose(config="evaluate")
    parameters = inspect.signature(evaluate).parameters
    assert set(settings) | {"data"} == set(parameters)
    for name in ("split", "output", "eval_batch_size", "num_workers", "pictures", "coco_metric"):
        assert settings[name] == parameters[name].default


def test_it_measures_in_the_precision_of_the_training_unless_another_is_given(tmp_path: Path) -> None:
    smoke_run(tmp_path, "trainer.max_epochs=1", "trainer.precision=bf16-mixed", "gray_test=false", "latency=null")
    run = tmp_path / "run"
    assert read_results(run).precision == "bf16-mixed"
    same = evaluate(_checkpoint(run), output=tmp_path / "same", num_workers=0, pictures=0, trainer=CPU)
    assert same.results.precision == "bf16-mixed" and same.precision_note is None
    assert same.metrics == read_results(run).test
    other = {**CPU, "precision": "32-true"}
    full = evaluate(_checkpoint(run), output=tmp_path / "full", num_workers=0, pictures=0, trainer=other)
    assert full.results.precision == "32-true"
    assert full.precision_note == "measured in 32-true; training and its test ran in bf16-mixed"


def test_the_precision_of_the_training_is_read_with_care() -> None:
    for precision in (None, 32, "32", "32-true"):
        assert trained_precision({"trainer": {"precision": precision}}, Path("a.ckpt")) == "32-true"
    assert trained_precision({}, Path("a.ckpt")) == "32-true"
    assert trained_precision({"trainer": {"precision": "16"}}, Path("a.ckpt")) == "16-mixed"
    with pytest.raises(ValueError, match=r"trainer\.precision in a\.ckpt to be one of 32-true, .*but got 'loud'"):
        trained_precision({"trainer": {"precision": "loud"}}, Path("a.ckpt"))
