"""Where the checkpoint is chosen on the images that it is tested on, the run says so; a share kept apart avoids it."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.broken_data import voc
from tests.command_line import TINY, run_command

from lightweight_ssd.training.evaluation import evaluate

pytestmark = pytest.mark.slow  # runs are trained
SAID = "val and test are the same images: the best checkpoint is chosen on the images that it is tested on; "
NOTE = "† the checkpoint was chosen by its mAP on these images, or on some of them"
QUICK = (
    *TINY, "augment=basic", "image_size=64", "batch_size=2", "eval_batch_size=4", "num_workers=0", "trainer=cpu",
    "trainer.max_epochs=1", "logger=csv", "pictures=0", "gray_test=false", "latency=null", "coco_metric=null",
)  # fmt: skip


def _train(tmp_path: Path, monkeypatch, capsys, *overrides: str) -> tuple[str, dict]:
    voc(tmp_path / "devkit")
    lists = ("data.train.2007=train", "data.train.2012=null", "data.val.2007=test", "data.test.2007=test")
    source = ("data=voc", f"data.root={tmp_path / 'devkit'}", "data.class_names=[cat, dog]", *lists)
    cache = f"data.cache_dir={tmp_path / 'cache'}"
    ended = run_command(monkeypatch, capsys, "train", *QUICK, *source, cache, f"run_dir={tmp_path / 'run'}", *overrides)
    assert ended.code is None, ended.err
    return ended.out, json.loads((tmp_path / "run" / "results.json").read_text())


def _evaluate(tmp_path: Path, monkeypatch, capsys, *overrides: str) -> tuple[str, dict]:
    output = f"output={tmp_path / 'evaluated'}"
    ended = run_command(
        monkeypatch, capsys, "evaluate", str(tmp_path / "run"), output, "num_workers=0", "trainer=cpu", *overrides
    )
    assert ended.code is None, ended.err
    return ended.out, json.loads((tmp_path / "evaluated" / "results.json").read_text())


def test_the_same_images_are_told_at_the_start_and_marked(tmp_path: Path, monkeypatch, capsys) -> None:
    out, results = _train(tmp_path, monkeypatch, capsys)
    assert out.count(f"{SAID}data.val_share=0.1 validates on a tenth of the training images instead\n") == 1
    assert results["chosen_on_test"] is True and "test mAP †" in out and NOTE in out
    out, results = _evaluate(tmp_path, monkeypatch, capsys)
    assert results["chosen_on_test"] is True and "test mAP †" in out and NOTE in out


def test_a_share_of_the_training_images_avoids_it(tmp_path: Path, monkeypatch, capsys) -> None:
    out, results = _train(tmp_path, monkeypatch, capsys, "data.val_share=0.5")
    assert "chosen on the images" not in out and "†" not in out
    assert results["chosen_on_test"] is False
    assert len(set(results["data"]["digests"].values())) == 3
    out, results = _evaluate(tmp_path, monkeypatch, capsys)
    assert results["chosen_on_test"] is False and "†" not in out
    out, results = _evaluate(tmp_path, monkeypatch, capsys, "split=val")
    assert results["chosen_on_test"] is True and "val mAP †" in out and NOTE in out


def test_an_evaluation_on_another_list_is_compared_with_the_images_that_chose(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    _train(tmp_path, monkeypatch, capsys, "data.test.2007=train")

    def chosen_on_it(file: str = "best.ckpt", **data: Any) -> bool | None:
        done = evaluate(
            tmp_path / "run" / "checkpoints" / file, data=data, output=tmp_path / "out", num_workers=0, pictures=0,
            trainer={"accelerator": "cpu", "enable_progress_bar": False},
        )  # fmt: skip
        return done.results.chosen_on_test

    lists = {"test": {"2007": ["test"]}, "val": {"2007": ["train"]}}  # another val than the one that chose
    assert (chosen_on_it(), chosen_on_it(**lists)) == (False, True)
    (tmp_path / "devkit").rename(tmp_path / "moved")
    assert chosen_on_it(root=str(tmp_path / "moved"), **lists) is True
    assert chosen_on_it("last.ckpt", root=str(tmp_path / "moved"), **lists) is None


def test_images_in_common_are_counted(tmp_path: Path, monkeypatch, capsys) -> None:
    voc(tmp_path / "devkit")
    (tmp_path / "devkit" / "VOC2007" / "ImageSets" / "Main" / "some.txt").write_text("d\ne\nf\n")
    out, results = _train(tmp_path, monkeypatch, capsys, "data.val.2007=some")
    assert "1 of 2 test images are val images, too: the best checkpoint is chosen on" in out
    assert results["chosen_on_test"] is True


def test_a_run_that_chose_no_checkpoint_says_nothing_of_it(tmp_path: Path, monkeypatch, capsys) -> None:
    out, results = _train(tmp_path, monkeypatch, capsys, "callbacks.best=null", "callbacks.early_stopping=null")
    assert "chosen on" not in out and "chosen_on_test" not in results


def test_what_is_wrong_in_the_test_split_is_told_before_the_first_step(tmp_path: Path, monkeypatch, capsys) -> None:
    voc(tmp_path / "devkit")
    file = tmp_path / "devkit" / "VOC2007" / "Annotations" / "g.xml"
    file.write_text(file.read_text().replace("cat", "fox"))
    arguments = (f"data.root={tmp_path / 'devkit'}", "data.class_names=[cat, dog]", f"data.cache_dir={tmp_path}")
    lists = ("data.train.2007=train", "data.train.2012=null", "data.val.2007=val", "data.test.2007=test")
    ended = run_command(
        monkeypatch, capsys, "train", *QUICK, "data=voc", *arguments, *lists, f"run_dir={tmp_path / 'run'}"
    )
    assert ended.code == 1 and "but got 'fox'" in ended.err
    assert not (tmp_path / "run" / "checkpoints").exists()
