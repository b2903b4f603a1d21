"""What of a configuration counts for a run's results, and its hash."""

import json

import pytest

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.data.formats.voc_scan import VOC_CLASS_NAMES
from lightweight_ssd.runs.content import content_hash, not_content

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
    spelled = names | {"data": {**names["data"], "class_names": list(VOC_CLASS_NAMES)}}
    left_out, others = (names | {"data": {**names["data"], "class_names": each}} for each in (None, ["cat", "dog"]))
    assert content_hash(spelled) == content_hash(left_out) != content_hash(others)
    shapes = resolved(compose(["data=shapes", "trainer.max_epochs=1"]))
    assert content_hash(shapes) != content_hash(shapes | {"data": {**shapes["data"], "class_names": None}})


@pytest.mark.parametrize(
    ("backbone", "changed"),
    [
        ({"norm_eps": None, "weights": None}, False),
        ({"norm_eps": 0.001, "weights": None}, False),
        ({"norm_eps": 1e-5, "weights": None}, True),
        ({"norm_eps": None, "weights": "a.pth"}, True),
    ],
)
def test_null_is_what_it_stands_for_with_random_weights(backbone: dict, changed: bool) -> None:
    """With trained weights null is what belongs to them, which nobody could ask for before."""
    before = {**CONFIG, "backbone": {"norm_eps": 0.001, "weights": backbone["weights"]}}
    assert (content_hash({**CONFIG, "backbone": backbone}) != content_hash(before)) is changed


def test_later_parts_of_a_run_count_unless_they_are_neutral() -> None:
    later = {**CONFIG, "anchors": None, "lr_factors": None, "detector": {"anchors": {"levels": None, "ratios": [1]}}}
    before = {**CONFIG, "detector": {"anchors": {"ratios": [1]}}}
    assert content_hash(later) == content_hash(before)
    assert content_hash({**later, "anchors": "auto"}) != content_hash(before)
    assert content_hash({**later, "callbacks": {"curves": {}, "ema": 1}}) == content_hash(
        {**later, "callbacks": {"ema": 1}}
    )
