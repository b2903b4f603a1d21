"""A run's folder follows from what it computes, and is found again."""

import json
from pathlib import Path

import pytest

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.runs.folder import (
    _VOC_CLASSES,
    content_hash,
    next_run_dir,
    not_content,
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


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("data", "root", "x"),
        ("trainer", "devices", 2),
        ("", "resume", "auto"),
        ("", "logger", {}),
        ("", "runs", "x"),
        ("", "coco_metric", None),
        ("data", "cache_dir", "x"),
    ],
)
def test_hash_ignores_paths_logging_and_hardware(group: str, key: str, value: object) -> None:
    changed = json.loads(json.dumps(CONFIG))
    (changed[group] if group else changed)[key] = value
    assert content_hash(changed) == content_hash(CONFIG)


@pytest.mark.parametrize(("group", "key", "value"), [("", "seed", 1), ("trainer", "max_epochs", 4)])
def test_hash_sees_what_changes_the_figures(group: str, key: str, value: object) -> None:
    changed = json.loads(json.dumps(CONFIG))
    (changed[group] if group else changed)[key] = value
    assert content_hash(changed) != content_hash(CONFIG)


def test_hash_takes_images_kept_in_memory_and_on_disk_for_the_same() -> None:
    hashes = {
        cache: content_hash({**CONFIG, "data": {**CONFIG["data"], "cache": cache}}) for cache in ("none", "disk", "ram")
    }
    assert hashes["disk"] == hashes["ram"] != hashes["none"]
    assert not_content(["data.cache", "data.cache_side"]) == ["data.cache"]
    swept = [{**CONFIG, "data": {"cache": cache}, "content": ["data.cache"]} for cache in ("disk", "ram")]
    assert content_hash(swept[0]) != content_hash(swept[1])


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


def test_what_a_sweep_varies_counts_but_not_the_name_of_a_row() -> None:
    assert not_content(["trainer.devices", "row", "neck.circles", "seed"]) == ["trainer.devices"]
    varied = [{**CONFIG, "trainer": {"devices": n}, "content": ["trainer.devices"]} for n in (1, 2)]
    assert content_hash(varied[0]) != content_hash(varied[1])


def test_keys_that_came_later_leave_the_runs_of_earlier_versions_findable() -> None:
    """The digits of 0.2.0 for its default configurations: a new key of `data` that changes them needs a neutral value.

    Where a new version is meant to compute something else by default, write the new digits here.
    """
    known = {"voc": "5dcd55c7", "voc_train_val": "b213db22", "coco": "0ea6d891", "shapes": "fedb3dc9"}
    length = ("trainer.max_epochs=1", "batch_size=126", "experiment_name=x")
    assert {name: content_hash(resolved(compose([f"data={name}", *length]))) for name in known} == known


@pytest.mark.parametrize(("key", "value"), [("classes", ["a"]), ("val_share", 0.1), ("split", {"val": 0.2})])
def test_a_later_key_counts_as_soon_as_it_changes_what_is_read(key: str, value: object) -> None:
    data = {**CONFIG["data"], key: None}
    assert content_hash({**CONFIG, "data": data}) == content_hash(CONFIG)
    assert content_hash({**CONFIG, "data": {**data, key: value}}) != content_hash(CONFIG)


def test_a_default_that_changes_is_another_content() -> None:
    """Not the default of the day is left out but one value for ever, so two defaults never share their digits."""
    today, later = ({**CONFIG, "data": {**CONFIG["data"], "empty_images": value}} for value in ("keep", "drop"))
    assert content_hash(today) == content_hash(CONFIG) != content_hash(later)


def test_the_classes_of_voc_count_whether_they_are_spelled_out_or_not() -> None:
    names = resolved(compose(["data=voc_train_val", "trainer.max_epochs=1"]))
    spelled = names | {"data": {**names["data"], "class_names": list(_VOC_CLASSES)}}
    left_out, others = (names | {"data": {**names["data"], "class_names": each}} for each in (None, ["cat", "dog"]))
    assert content_hash(spelled) == content_hash(left_out) != content_hash(others)
    shapes = resolved(compose(["data=shapes", "trainer.max_epochs=1"]))
    assert content_hash(shapes) != content_hash(shapes | {"data": {**shapes["data"], "class_names": None}})
