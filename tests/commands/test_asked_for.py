"""Who asks for one thing gets it, or is told of the other."""

from pathlib import Path

import pytest
import torch
from tests.command_line import tiny_checkpoint
from tests.run_server import RunServer

from lightweight_ssd.commands.train import _grid_hint
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.requirements import expect_data, expect_devices, expect_objects, expect_steps
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.sweeps.job import _objective
from lightweight_ssd.sweeps.record import JobRecord
from lightweight_ssd.training.run import train

QUICK = (
    "train",
    "experiment=smoke",
    "logger=csv",
    "trainer.max_epochs=1",
    "gray_test=false",
    "latency=null",
    "pictures=0",
)
GRID = {"row": "table4/baseline,table4/bll", "seed": "range(0,3)"}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            ["experiment=mine"],
            "experiment=mine has 6 runs, of which this is one; for all: lssd train -m ",
        ),
        (["experiment=mine", "row=table4/bll"], ""),
        (["experiment=mine", "+seed=3"], ""),
    ],
)
def test_one_row_of_a_table_is_told_how_to_run_all(typed: list[str], said: str) -> None:
    hint = _grid_hint("mine", GRID, typed)
    assert hint.startswith(said) and bool(hint) == bool(said)
    assert not hint or hint.endswith(" ".join(["-m", *typed]))


def test_a_search_is_no_table_and_a_plain_run_neither() -> None:
    said = "experiment=tune is a search over optim.lr; this is one run with their defaults; for all: lssd train -m a=1"
    assert _grid_hint("tune", {"optim.lr": "interval(0.1, 1)"}, ["a=1"]) == said
    assert _grid_hint(None, GRID, []) == "" and _grid_hint("smoke", {}, []) == ""


def test_gpus_that_are_not_there_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for accelerator in ("cpu", "auto"):
        expect_devices({"accelerator": accelerator, "devices": 4}, "auto")
    with pytest.raises(ValueError, match=r"^Expected a GPU for trainer=gpu but PyTorch sees 0; give trainer=auto"):
        expect_devices({"accelerator": "gpu", "devices": 1}, "gpu")
    with pytest.raises(ValueError, match=r"^Expected a GPU for trainer\.accelerator=cuda but"):
        expect_devices({"accelerator": "cuda", "devices": 1}, "auto")


def test_more_gpus_than_there_are_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    expect_devices({"accelerator": "gpu", "devices": 2}, "gpu")
    with pytest.raises(ValueError, match=r"^Expected 3 GPUs for trainer\.devices=3 but PyTorch sees 2; give .*=2\.$"):
        expect_devices({"accelerator": "gpu", "devices": 3}, "gpu")


def test_data_that_is_drawn_or_ones_own_need_not_be_there(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    expect_data({"_target_": "lightweight_ssd.data.shapes.Shapes", "root": nowhere}, "shapes")
    expect_data({"_target_": "mine.Data", "root": nowhere}, "mine")
    expect_data({"_target_": "lightweight_ssd.data.voc.VOC", "root": str(tmp_path)}, "voc")
    with pytest.raises(FileNotFoundError, match=r"^Expected the data set data=voc_train_val at data\.root="):
        expect_data({"_target_": "lightweight_ssd.data.voc.VOC", "root": nowhere}, "voc_train_val")


@pytest.mark.parametrize(
    ("key", "metric", "said"),
    [
        (
            "objective",
            "test/coco_ap_large",
            r"large objects in data\.test for objective=test/coco_ap_large, but",
        ),
        ("callbacks.best.monitor", "val/coco_ar_large", r"large objects in data\.val for callbacks\.best\.monitor="),
        ("objective", "test/coco_ap_small", None),
        ("objective", "test/coco_ap", None),
    ],
)
def test_a_metric_of_objects_that_there_are_not_is_refused(
    key: str, metric: str, said: str | None, tmp_path: Path
) -> None:
    config = resolved(compose(["data=shapes_tiny", f"data.root={tmp_path}", f"{key}={metric}"]))
    if said is None:
        expect_objects(config)
        return
    with pytest.raises(ValueError, match=said):
        expect_objects(config)


def test_an_undefined_objective_does_not_blame_the_validation(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"test": {"map_50": 0.1, "coco": {"ap": 0.1, "ap_large": null}}}')
    job = JobRecord(0, [], "done", run_dir=str(tmp_path))
    assert _objective(job, "test/coco_ap", needed=True) == 0.1
    with pytest.raises(ValueError, match=r"objective=test/coco_ap_large, but it is not defined on this data"):
        _objective(job, "test/coco_ap_large", needed=True)
    with pytest.raises(ValueError, match="before its first one"):
        _objective(job, "val/map_50", needed=True)


@pytest.mark.slow
def test_a_search_by_it_ends_before_its_first_job(server: RunServer, tmp_path: Path) -> None:
    ended = server.run(tmp_path, *QUICK, "-m", "seed=0,1", "objective=test/coco_ap_large")
    assert ended.code == 1 and "Expected large objects in data.test for objective=test/coco_ap_large" in ended.err
    assert "before its first one" not in ended.err + ended.out and not list(tmp_path.glob("runs/smoke/*"))


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["coco_metric=false", "coco_metric=true"])
def test_a_run_folder_is_a_checkpoint_and_coco_metric_a_switch(setting: str, server: RunServer, tmp_path: Path) -> None:
    ended = server.run(tmp_path, *QUICK, "neck=none", setting)
    assert ended.code == 0, ended.err
    assert "NoNeck has no width: what the experiment sets there is left out." in ended.out
    assert ("COCO AP in %" in ended.out) == setting.endswith("true")
    (run,) = tmp_path.glob("runs/smoke/*")
    evaluated = server.run(tmp_path, "evaluate", str(run), "num_workers=0", setting)
    assert evaluated.code == 0 and ("COCO AP in %" in evaluated.out) == setting.endswith("true"), evaluated.err
    assert server.run(tmp_path, "profile", str(run), "repeats=1", "warmup=0", "device=cpu").code == 0
    again = server.run(tmp_path, *QUICK, "neck=none", f"init_from={run}", setting)
    assert again.code == 0, again.err


@pytest.mark.slow
def test_evaluate_takes_odd_names_and_varies_others(server: RunServer, tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path / "a, [1]=b.ckpt")
    for arguments in (("a, [1]=b.ckpt",), ("checkpoint=a, [1]=b.ckpt",)):
        assert server.run(tmp_path, "profile", *arguments, "repeats=1", "warmup=0", "device=cpu").code == 0


@pytest.mark.parametrize("key", ["max_epochs", "max_steps"])
def test_a_run_of_no_step_is_refused_before_it_begins(key: str, tmp_path: Path, monkeypatch) -> None:
    for value in (None, -1, 1):
        expect_steps({key: value})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=rf"^Expected trainer\.{key} of at least 1 but got 0; give trainer\.{key}=1"):
        train(["experiment=smoke", "logger=csv", f"trainer.{key}=0"])
    assert list(tmp_path.iterdir()) == []
