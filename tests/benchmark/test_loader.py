"""The loader's benchmark, with the real peers, on a few drawn images."""

from pathlib import Path

import pytest

from lightweight_ssd.benchmark.loader import benchmark_loader
from lightweight_ssd.benchmark.record import Record
from lightweight_ssd.config.compose import compose


def _record(root: Path, *overrides: str, **settings: object) -> Record:
    drawn = ["data=shapes", f"data.root={root}", "data.train_images=6", "data.val_images=1", "data.test_images=1"]
    cfg = compose([*drawn, *overrides], "benchmark_loader")
    quick = {"images": 5, "batch_size": 2, "rounds": 1, "warmup": 0}
    return benchmark_loader(cfg.data, cfg.recipes, **{**quick, **settings})


def test_each_recipe_stands_beside_decoding_and_the_peers(tmp_path: Path) -> None:
    record = _record(tmp_path)
    lines = [(line.what, line.beside.split(" (")[0]) for line in record.measurements]
    plain, mosaic = ("gray_mix_rgb, data.cache=", "gray_mix_rgb_mosaic, data.cache=")
    limit, ultralytics = "decoding alone", "Ultralytics' loader"
    assert lines == [
        (f"{plain}none", limit),
        (f"{plain}none", "torchvision's SSD transforms"),
        (f"{plain}none", ultralytics),
        (f"{plain}ram", limit),
        (f"{plain}ram", f"{ultralytics}, cache=ram"),
        (f"{mosaic}none", limit),
        (f"{mosaic}none", ultralytics),
        (f"{mosaic}ram", limit),
        (f"{mosaic}ram", f"{ultralytics}, cache=ram"),
    ]
    assert all(line.ours > 0 and line.theirs for line in record.measurements)
    assert [line.is_limit for line in record.measurements] == [beside == limit for _, beside in lines]
    assert [line.target.value if line.target else None for line in record.measurements] == [
        0.65,
        1,
        1,
        1.6,
        1,
        None,
        1.1,
        None,
        None,
    ]
    assert record.setting.startswith("5 images")
    assert "cache=ram holds images of 320 pixels, where ours holds up to 600." in record.notes[1]


def test_recipes_are_chosen_and_peers_left_out(tmp_path: Path) -> None:
    record = _record(tmp_path, "augment@recipes.gray_mix_rgb=none", "~recipes.gray_mix_rgb_mosaic", peers=False)
    assert [line.is_limit for line in record.measurements] == [True, True]


@pytest.mark.parametrize(
    ("key", "value"), [("images", 0), ("batch_size", 0), ("rounds", 0), ("warmup", -1), ("peer_size", 300)]
)
def test_a_setting_out_of_range_is_refused(tmp_path: Path, key: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"Expected {key} to be a .*, but got {value}"):
        _record(tmp_path, **{key: value})


def test_one_recipe_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Expected at least one recipe"):
        _record(tmp_path, "~recipes.gray_mix_rgb", "recipes.gray_mix_rgb_mosaic=null")
