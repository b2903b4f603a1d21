"""Checkpoints are whole, alone in their folder, and never ahead of the record."""

from pathlib import Path

import pytest
import torch
from tests.small_disk import run_on_small_disk

from lightweight_ssd.checkpoint.save import WholeCheckpoints
from lightweight_ssd.system.atomic_write import NotWritten
from lightweight_ssd.training.loggers.metrics_csv import MetricsCSV


def test_saves_and_loads(tmp_path: Path) -> None:
    writer, path = WholeCheckpoints(), tmp_path / "checkpoints" / "last.ckpt"
    writer.save_checkpoint({"global_step": 3, "weights": torch.arange(4)}, path)
    loaded = writer.load_checkpoint(path, weights_only=True)
    assert loaded["global_step"] == 3 and loaded["weights"].tolist() == [0, 1, 2, 3]


def test_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    for name in ("best.ckpt.part", "last.ckpt.waiting.part", "notes.part"):
        (tmp_path / name).write_bytes(b"half")
    WholeCheckpoints().save_checkpoint({}, tmp_path / "last.ckpt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.ckpt", "notes.part"]


def test_the_record_reaches_the_disk_first(tmp_path: Path) -> None:
    record, path = MetricsCSV(str(tmp_path)), tmp_path / "last.ckpt"
    record.log_metrics({"train/loss": 1.0}, 0)
    record.save()  # which Lightning calls after every row
    assert not (tmp_path / "metrics.csv").exists()
    WholeCheckpoints(before=[record.flush]).save_checkpoint({}, path)
    assert (tmp_path / "metrics.csv").read_text() == "step,train/loss\n0,1.0\n"


def test_no_checkpoint_where_the_record_cannot_be_written(tmp_path: Path) -> None:
    record, path = MetricsCSV(str(tmp_path)), tmp_path / "last.ckpt"
    (tmp_path / "metrics.csv").mkdir()
    record.log_metrics({"train/loss": 1.0}, 0)
    with pytest.raises(NotWritten, match=r"metrics\.csv .*resume=auto"):
        WholeCheckpoints(before=[record.flush]).save_checkpoint({}, path)
    assert not path.exists()


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_the_checkpoint_before_is_whole(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    code = f"""
from pathlib import Path
import torch
from lightweight_ssd.checkpoint.save import WholeCheckpoints
path = Path({str(disk / "last.ckpt")!r})
WholeCheckpoints().save_checkpoint({{"weights": torch.ones(50_000)}}, path)
try:
    WholeCheckpoints().save_checkpoint({{"weights": torch.zeros(50_000)}}, path)
except ValueError as error:
    print(error)
print(torch.load(path, weights_only=True)["weights"].mean().item(), [each.name for each in path.parent.iterdir()])
"""
    ended = run_on_small_disk(disk, "300k", code)
    assert ended.returncode == 0, ended.stderr
    sentence, left = ended.stdout.splitlines()
    assert sentence.startswith(f"Expected to write {disk / 'last.ckpt'} (202 kB), but got 'No space left on device'")
    assert sentence.endswith("is untouched. Then go on with the same command and resume=auto.")
    assert left == "1.0 ['last.ckpt']"
