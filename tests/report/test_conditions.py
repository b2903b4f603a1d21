"""What may move a metric without being part of a run's name is told, and a test set that chose the checkpoint is."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.run_folders import TABLE, write_table

from lightweight_ssd.report.conditions import chosen_on_test, chosen_on_test_note, condition_notes
from lightweight_ssd.report.rows import Row, rows_of
from lightweight_ssd.runs.record import find_runs


def _rows(folder: Path) -> list[Row]:
    return rows_of(find_runs([folder]))[0]


def _update(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _configure(folder: Path, **changes: Any) -> None:
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump({**config, **changes}))


def test_runs_under_equal_conditions_have_no_note(tmp_path: Path) -> None:
    folders = write_table(tmp_path, num_images=2)
    assert condition_notes(_rows(tmp_path)) == []
    for folder in folders:
        _update(folder / "identity.json", conditions={"compile": False, "precision": "32-true"})
    assert condition_notes(_rows(tmp_path)) == []


def test_conditions_that_differ_are_one_note(tmp_path: Path) -> None:
    folders = write_table(tmp_path, seeds=(0,), num_images=2)
    for folder, precision in zip(folders, ("32-true", "32-true", "bf16-mixed"), strict=True):
        _update(folder / "identity.json", conditions={"compile": precision != "32-true", "precision": precision})
    assert condition_notes(_rows(tmp_path)) == [
        "The runs differ in conditions that are not part of their names: compile (false: SSD, FPN; true: CFPN); "
        "precision (32-true: SSD, FPN; bf16-mixed: CFPN)."
    ]


def test_a_run_that_recorded_none_has_those_of_its_configuration(tmp_path: Path) -> None:
    folders = write_table(tmp_path, TABLE[:2], seeds=(0,), num_images=2)
    _configure(folders[0], channels_last=True)
    _configure(folders[1], channels_last=False)
    assert "channels_last (true: SSD; false: FPN)" in condition_notes(_rows(tmp_path))[0]


def test_data_of_another_content_under_one_name(tmp_path: Path) -> None:
    folders = write_table(tmp_path, TABLE[:2], seeds=(0,), num_images=2)
    for folder, digest in zip(folders, ("aaa", "bbb"), strict=True):
        _update(folder / "results.json", data={"root": "/data", "digests": {"train": digest, "val": "v", "test": "t"}})
    assert "data (t aaa v: SSD; t bbb v: FPN)" in condition_notes(_rows(tmp_path))[0]


@pytest.mark.parametrize(
    ("data", "config", "checkpoint", "marked"),
    [
        ({"val": "x", "test": "x"}, {}, "best.ckpt", True),
        ({"val": "x", "test": "y"}, {"val": {"2007": ["test"]}, "test": {"2007": ["test"]}}, "best.ckpt", False),
        (None, {"val": {"2007": ["test"]}, "test": {"2007": ["test"]}}, "best.ckpt", True),
        (None, {"val": {"2007": ["val"]}, "test": {"2007": ["test"]}}, "best.ckpt", False),
        ({"val": "x", "test": "x"}, {}, "last.ckpt", False),  # no validation chose it
        (None, {}, "best.ckpt", False),
    ],
)
def test_a_checkpoint_that_was_chosen_on_the_test_images(
    tmp_path: Path, data: dict[str, str] | None, config: dict[str, Any], checkpoint: str, marked: bool
) -> None:
    (folder,) = write_table(tmp_path, TABLE[:1], seeds=(0,), num_images=2)
    _configure(folder, data=config)
    recorded = {"root": "/data", "digests": data} if data else None
    _update(folder / "results.json", data=recorded, checkpoint=f"/runs/a/checkpoints/{checkpoint}")
    (row,) = _rows(tmp_path)
    notes = chosen_on_test_note([row])
    assert chosen_on_test(row) == marked == bool(notes)
    assert not notes or "chosen on the images that it is tested on: SSD." in notes[0]
