"""What was left out is listed once, over all ranks and parts of a run."""

import json
import multiprocessing
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
import torch.distributed as dist
from lightning.pytorch import LightningModule, Trainer
from tests.running import smoke_config, smoke_run

from lightweight_ssd.config.instantiate import build
from lightweight_ssd.tensor_types import Batch
from lightweight_ssd.training.callbacks.skipped_files import SkippedFiles

_MODULE = Mock(spec=LightningModule)


def _batch(*skipped: str) -> Batch:
    images, labels = torch.zeros(0, 3, 4, 4, dtype=torch.uint8), torch.zeros(0, 0, dtype=torch.int64)
    return Batch(images, torch.zeros(0, 0, 4), labels, [], [*skipped])


def _trainer(**fields: object) -> Mock:
    return Mock(spec=Trainer, **{"ckpt_path": None, "world_size": 1, "is_global_zero": True, **fields})


def _listed(folder: Path) -> dict[str, list[str]]:
    return json.loads((folder / "skipped.json").read_text())


def test_each_file_is_listed_once_by_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    callback = SkippedFiles(str(tmp_path))
    for _ in range(2):
        callback.on_train_batch_end(_trainer(), _MODULE, None, _batch("b is cut", "a is cut"), 0)
        callback.on_validation_batch_end(_trainer(), _MODULE, None, _batch("c is missing", "a is cut"), 0)
        callback.on_train_epoch_end(_trainer(), _MODULE)
    assert _listed(tmp_path) == {"train": ["b is cut", "a is cut"], "val": ["c is missing", "a is cut"]}
    callback.on_fit_end(_trainer(), _MODULE)
    callback.on_test_end(_trainer(), _MODULE)
    said = capsys.readouterr().out
    assert (
        said
        == f"Images were skipped because of 3 problems (data.on_bad=skip), listed in {tmp_path / 'skipped.json'}.\n"
    )


def test_nothing_is_said_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    callback = SkippedFiles(str(tmp_path))
    callback.on_train_batch_end(_trainer(), _MODULE, None, _batch(), 0)
    callback.on_train_epoch_end(_trainer(), _MODULE)
    callback.on_fit_end(_trainer(), _MODULE)
    assert list(tmp_path.iterdir()) == [] and capsys.readouterr().out == ""


def test_a_run_that_goes_on_adds_to_its_list_and_a_new_one_begins_it(tmp_path: Path) -> None:
    (tmp_path / "skipped.json").write_text('{"train": ["a is cut"]}')
    resumed = SkippedFiles(str(tmp_path))
    resumed.on_fit_start(_trainer(ckpt_path="last.ckpt"), _MODULE)
    resumed.on_train_batch_end(_trainer(), _MODULE, None, _batch("b is cut"), 0)
    resumed.on_exception(_trainer(), _MODULE, KeyboardInterrupt())
    assert _listed(tmp_path) == {"train": ["a is cut", "b is cut"]}
    SkippedFiles(str(tmp_path)).on_fit_start(_trainer(), _MODULE)
    assert not (tmp_path / "skipped.json").exists()


def test_a_list_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "skipped.json").mkdir()
    callback = SkippedFiles(str(tmp_path))
    callback.on_train_batch_end(_trainer(), _MODULE, None, _batch("a is cut"), 0)
    callback.on_train_epoch_end(_trainer(), _MODULE)
    assert callback.found == {"train": {"a is cut": None}}


def _run_rank(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", f"file://{folder}/store", timedelta(seconds=300), 2, rank)
    trainer = _trainer(world_size=2, is_global_zero=rank == 0)
    callback = SkippedFiles(folder)
    for sentences in ((), ("a is cut",), ("a is cut", f"{rank} is missing")):
        callback.on_train_batch_end(trainer, _MODULE, None, _batch(*sentences), 0)
    callback.on_train_epoch_end(trainer, _MODULE)
    dist.destroy_process_group()


def test_the_files_of_all_ranks_are_listed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")  # a spawned process would import everything first
    ranks = [context.Process(target=_run_rank, args=(rank, str(tmp_path))) for rank in range(2)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    assert [rank.exitcode for rank in ranks] == [0, 0]
    assert _listed(tmp_path) == {"train": ["a is cut", "0 is missing", "1 is missing"]}


@pytest.mark.slow
def test_a_whole_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = build(smoke_config(tmp_path).data)
    for split in ("train", "val"):
        path = Path(source.annotations(split)[2].path)
        path.write_bytes(path.read_bytes()[:300])
    smoke_run(tmp_path, "data.on_bad=skip", "pictures=0", "latency=null", "gray_test=false")
    listed = _listed(tmp_path / "run")
    assert {split: len(sentences) for split, sentences in listed.items()} == {"train": 1, "val": 1}
    assert "train_000003.jpg" in listed["train"][0] and "val_000003.jpg" in listed["val"][0]
    said = [line for line in capsys.readouterr().out.splitlines() if "were skipped because" in line]
    assert len(said) == 1 and "because of 2 problems (" in said[0]
    truth = json.loads((tmp_path / "run" / "ground_truth.json").read_text())
    assert len(truth["images"]) == 7, "the test images are whole"


@pytest.mark.slow
def test_a_real_resume_keeps_the_list(tmp_path: Path) -> None:
    path = Path(build(smoke_config(tmp_path).data).annotations("train")[2].path)
    whole = path.read_bytes()
    path.write_bytes(whole[:300])
    quick = ("data.on_bad=skip", "pictures=0", "latency=null", "gray_test=false", "num_workers=0")
    smoke_run(tmp_path, *quick, "trainer.max_epochs=1")
    before = _listed(tmp_path / "run")
    path.write_bytes(whole)
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    smoke_run(tmp_path, *quick, "trainer.max_epochs=2", resume_from=last)
    assert _listed(tmp_path / "run") == before and len(before["train"]) == 1
