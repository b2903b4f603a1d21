"""A run's folder follows from what it computes, and is found again."""

import json
from pathlib import Path

from lightweight_ssd.runs.folder import (
    next_run_dir,
    resumable_run_dir,
    run_dir_of,
    slug,
    write_provenance,
)
from lightweight_ssd.runs.status import write_status

CONFIG = {
    "seed": 0,
    "run_dir": None,
    "runs": "runs",
    "resume": "never",
    "data": {"root": "here", "class_names": ["a"]},
    "trainer": {"devices": 1, "max_epochs": 3},
    "logger": {"csv": {}},
}


def test_slug_holds_nothing_that_a_path_trips_over() -> None:
    name = slug(3, {"backbone": "a/b", "neck": "c,d=[e]", "loss": "f g", "augment": "h" * 200})
    assert set(name) <= set("abcdefgh_-seed3.") and len(name) <= 80


def test_a_second_run_of_the_same_content_gets_its_own_folder(tmp_path: Path) -> None:
    for expected in ("x-0123abcd", "x-0123abcd-2", "x-0123abcd-3"):
        folder = next_run_dir(tmp_path, "x-0123abcd")
        assert folder == tmp_path / expected
        folder.mkdir()
    (tmp_path / "y-0123abcd-9").mkdir()  # called otherwise, with the same content
    assert next_run_dir(tmp_path, "x-0123abcd").name == "x-0123abcd-10"


def test_the_newest_that_can_be_resumed_is_found(tmp_path: Path) -> None:
    assert resumable_run_dir(tmp_path, "0123abcd") is None
    for name, saved in (("x-0123abcd", True), ("x-0123abcd-2", True), ("x-0123abcd-3", False)):
        checkpoints = tmp_path / name / "checkpoints"
        checkpoints.mkdir(parents=True)
        if saved:
            (checkpoints / "last.ckpt").touch()
    assert resumable_run_dir(tmp_path, "0123abcd") == tmp_path / "x-0123abcd-2"


def test_a_finished_run_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "x-0123abcd"
    folder.mkdir()
    write_status(folder, state="finished")
    assert resumable_run_dir(tmp_path, "0123abcd") == folder


def test_a_checkpoint_belongs_to_the_run_that_it_lies_in(tmp_path: Path) -> None:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    assert run_dir_of(tmp_path / "run" / "checkpoints" / "last.ckpt") is None, "no run"
    (tmp_path / "run" / "config.yaml").touch()
    assert run_dir_of(tmp_path / "run" / "checkpoints" / "last.ckpt") == tmp_path / "run"
    assert run_dir_of(tmp_path / "run" / "copies" / "last.ckpt") is None


def test_provenance_names_commit_and_versions(tmp_path: Path) -> None:
    write_provenance(tmp_path / "run", {"seed": 0}, ["seed=0"])
    written = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert {"commit", "uncommitted_changes", "versions", "python", "machine"} <= written.keys()
    assert written["versions"]["torch"]
    assert (tmp_path / "run" / "overrides.yaml").read_text() == "- seed=0\n"
