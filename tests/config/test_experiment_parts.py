"""`lssd data show experiment=NAME` looks at what `lssd train experiment=NAME` would train."""

from typing import Any

import pytest

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.paths import options_of

PARTS = ("data", "augment", "backbone", "neck", "detector", "image_size")


def parts(overrides: list[str], config: str) -> dict[str, Any]:
    cfg = compose(overrides, config)
    return {key: cfg[key] for key in PARTS}


@pytest.mark.parametrize("name", options_of("experiment"))
def test_every_experiment_has_the_same_parts(name: str) -> None:
    assert parts([f"experiment={name}"], "data_show") == parts([f"experiment={name}"], "train")


@pytest.mark.parametrize(
    "typed",
    [
        ["data=folder", "root=mine"],
        ["image_size=512"],
        ["detector.anchors.min_scale=0.1", "backbone.norm_momentum=0.3"],
        ["data.classes=[cat,dog]", "data=coco"],
    ],
)
def test_what_is_typed_counts(typed: list[str]) -> None:
    for order in (["experiment=finetune", *typed], [*typed, "experiment=finetune"]):
        assert parts(order, "data_show") == parts(order, "train")


def test_another_part_has_nothing_of_the_experiment() -> None:
    cfg = compose(["experiment=finetune", "backbone=mblitenet"], "data_show")
    assert cfg.backbone == compose(["backbone=mblitenet"], "data_show").backbone and cfg.neck._target_.endswith(".FPN")


def test_an_unknown_experiment_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"^There is no option 'finetun' of experiment: did you mean finetune\?$"):
        compose(["experiment=finetun"], "data_show")
