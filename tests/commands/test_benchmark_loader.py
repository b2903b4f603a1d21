"""The loader's benchmark, with the real peers, on a few drawn images."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from lightweight_ssd.commands.benchmark_loader import measure
from lightweight_ssd.config.paths import CONF_DIR


def config(root: Path, *overrides: str) -> Any:
    drawn = ["data=shapes", f"data.root={root}", "data.train_images=6", "data.val_images=1", "data.test_images=1"]
    quick = ["images=5", "batch_size=2", "rounds=1", "warmup=0"]
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose("benchmark_loader", [*drawn, *quick, *overrides])


def test_each_recipe_stands_beside_decoding_and_the_peers(tmp_path: Path) -> None:
    record = measure(config(tmp_path))
    lines = [(figure.what, figure.beside.split(" (")[0]) for figure in record.figures]
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
    assert all(figure.ours > 0 and figure.theirs for figure in record.figures)
    assert [figure.is_limit for figure in record.figures] == [beside == limit for _, beside in lines]
    assert [figure.target.value if figure.target else None for figure in record.figures] == [
        0.5,
        1,
        1,
        1,
        1,
        *[None] * 4,
    ]
    assert record.setting.startswith("5 images")
    assert "cache=ram holds images of 320 pixels, where ours holds up to 600." in record.notes[1]


def test_recipes_are_chosen_and_peers_left_out(tmp_path: Path) -> None:
    record = measure(
        config(tmp_path, "augment@recipes.gray_mix_rgb=none", "~recipes.gray_mix_rgb_mosaic", "peers=false")
    )
    assert [figure.is_limit for figure in record.figures] == [True, True]


@pytest.mark.parametrize(("key", "value"), [("images", 0), ("batch_size", 0), ("rounds", 0), ("warmup", -1)])
def test_a_setting_out_of_range_is_refused(tmp_path: Path, key: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"Expected {key} as a whole number"):
        measure(config(tmp_path, f"{key}={value}"))
