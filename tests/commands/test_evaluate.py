"""`lssd evaluate` measures what training measured, and says what is wrong with a request."""

import json
import os
from pathlib import Path

import pytest
from tests.command_line import run_command
from tests.running import smoke_run

from lightweight_ssd.checkpoint.load import load_checkpoint

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    smoke_run(folder, "trainer.max_epochs=1")
    return folder / "run"


def _evaluate(run: Path, monkeypatch, capsys, *overrides: str):
    monkeypatch.chdir(run.parent)
    checkpoint = f"checkpoint={run / 'checkpoints' / 'best.ckpt'}"
    return run_command(monkeypatch, capsys, "evaluate", checkpoint, "trainer=cpu", "num_workers=0", *overrides)


def test_the_same_figures_and_files_as_the_run(run: Path, monkeypatch, capsys) -> None:
    outcome = _evaluate(run, monkeypatch, capsys)
    assert outcome.code is None and "mAP" in outcome.out
    output = run.parent / "evaluations" / "run-test"
    written = {path.name for path in output.rglob("*") if path.is_file()}
    assert {"results.json", "detections.json", "ground_truth.json", "detections.png", "precision_recall.png"} <= written
    ours, trained = (json.loads((folder / "results.json").read_text()) for folder in (output, run))
    assert ours["test"] == trained["test"] and ours["macs"] == trained["macs"]
    coco = ours["test"]["coco"]
    assert 0 <= coco["ap"] <= coco["ap_50"] <= 1 and coco["per_class"].keys() == ours["test"]["per_class"].keys()
    assert "COCO AP" in outcome.out and "coco" in trained["test_gray"]
    assert {"val/coco_ap", "test/coco_ap", "test_gray/coco_ar_100"} <= set(
        (run / "metrics.csv").read_text().splitlines()[0].split(",")
    )
    assert load_checkpoint(run / "checkpoints" / "best.ckpt")["hyper_parameters"]["category_ids"] == [1, 2, 3, 4, 5]


def test_another_checkpoint_of_the_run_has_a_folder_of_its_own(run: Path, monkeypatch, capsys) -> None:
    outcome = _evaluate(run, monkeypatch, capsys, f"checkpoint={run / 'checkpoints' / 'last.ckpt'}", "pictures=0")
    assert outcome.code is None and (run.parent / "evaluations" / "run-last-test" / "results.json").is_file()


def test_validation_split_and_another_threshold_stand_beside_the_figure(run: Path, monkeypatch, capsys) -> None:
    output = run.parent / "other"
    output.mkdir()
    (output / "skipped.json").write_text('{"test": ["a is cut"]}')  # of a measurement before
    overrides = ("split=val", f"output={output}", "postprocess.score_threshold=0.5", "coco_metric=null")
    outcome = _evaluate(run, monkeypatch, capsys, *overrides)
    assert outcome.code is None and "COCO" not in outcome.out
    results = json.loads((output / "results.json").read_text())
    assert not (output / "skipped.json").exists()
    assert "val" in results and "coco" not in results["val"] and results["postprocess"]["score_threshold"] == 0.5
    assert json.loads((output / "detections.json").read_text()) == []  # one epoch: nothing scores that high


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("split=train", "Expected split to be one of test, val, but got 'train'"),
        ("checkpoint=missing.ckpt", "There is no checkpoint at missing.ckpt"),
        ("data=shapes", "but the detector was trained on"),
        ("eval_batch_size=0", "Expected eval_batch_size to be a whole number of at least 1, but got 0"),
    ],
)
def test_one_sentence_for_a_wrong_request(run: Path, monkeypatch, capsys, override: str, said: str) -> None:
    extra = ["data.class_names=[circle, square]"] if override == "data=shapes" else []
    outcome = _evaluate(run, monkeypatch, capsys, override, *extra)
    assert outcome.code == 1 and said in outcome.err and "Traceback" not in outcome.err


def test_checkpoint_is_needed(monkeypatch, capsys) -> None:
    outcome = run_command(monkeypatch, capsys, "evaluate")
    assert outcome.code == 1 and "give checkpoint=RUN/checkpoints/best.ckpt" in outcome.err


def test_resume_auto_of_a_finished_run_has_nothing_to_do(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    command = ("train", "experiment=smoke", "trainer.max_epochs=1", "logger=csv")
    assert run_command(monkeypatch, capsys, *command).code is None
    again = run_command(monkeypatch, capsys, *command, "resume=auto")
    assert not [name for name in os.environ if name.startswith("LSSD_")]  # else the next run would write there
    assert "Nothing to do" in again.out and len(list((tmp_path / "runs" / "smoke").iterdir())) == 1
