"""What a configuration leaves open is filled in on a copy; the length of a run depends on its data."""

from typing import Any

import pytest
import yaml
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.config.compose import choices_of, compose
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.config.settings import changed, default_epochs, resolved, settled
from lightweight_ssd.runs.identity import content_of


def _settled(*overrides: str) -> DictConfig:
    cfg = compose(overrides)
    return settled(cfg, choices_of(cfg))


def _length(cfg: DictConfig) -> tuple[Any, Any]:
    return cfg.trainer.max_epochs, cfg.trainer.max_steps


def test_a_change_is_made_on_a_copy_and_reaches_what_refers_to_it() -> None:
    cfg = OmegaConf.create({"size": 1, "twice": {"size": "${size}", "kept": 3}})
    other = changed(cfg, size=2, twice={"kept": 4})
    assert resolved(other) == {"size": 2, "twice": {"size": 2, "kept": 4}}
    assert resolved(cfg) == {"size": 1, "twice": {"size": 1, "kept": 3}}


def test_every_data_option_has_a_length_of_its_own() -> None:
    table = compose().default_epochs
    options = {path.stem for path in (CONF_DIR / "data").glob("*.yaml")}
    assert set(table) == options | {"other"} and all(epochs >= 1 for epochs in table.values())


@pytest.mark.parametrize("data", ["voc", "coco", "shapes_tiny"])
def test_a_length_that_was_not_given_is_that_of_the_data(data: str) -> None:
    cfg = compose([f"data={data}"])
    assert default_epochs(cfg, choices_of(cfg)) == cfg.default_epochs[data]
    assert _length(_settled(f"data={data}")) == (cfg.default_epochs[data], -1)


def test_another_data_option_has_a_length_too() -> None:
    assert default_epochs(compose(), {"data": "mine"}) == compose().default_epochs.other
    assert default_epochs(compose(), {}) == compose().default_epochs.other


@pytest.mark.parametrize(
    ("override", "length"), [("trainer.max_epochs=3", (3, -1)), ("trainer.max_steps=70", (None, 70))]
)
def test_a_length_that_is_typed_stays(override: str, length: tuple[Any, Any]) -> None:
    cfg = compose([override])
    assert default_epochs(cfg, choices_of(cfg)) is None and _length(_settled(override)) == length


@pytest.mark.parametrize("path", sorted((CONF_DIR / "experiment").glob("*.yaml")), ids=lambda path: path.stem)
def test_experiments_and_scales_keep_their_lengths(path: Any) -> None:
    for more in ((), ("scale=full",), ("scale=short",), ("scale=smoke",)):
        composed = compose([f"experiment={path.stem}", *more])
        assert default_epochs(composed, choices_of(composed)) is None
    own = yaml.safe_load(path.read_text()).get("trainer", {})
    cfg = _settled(f"experiment={path.stem}")
    assert {name: cfg.trainer[name] for name in own} == own


def test_the_default_counts_as_if_it_were_typed() -> None:
    default, typed = _settled("data=coco"), _settled("data=coco", f"trainer.max_epochs={compose().default_epochs.coco}")
    assert content_of(default) == content_of(typed)
    assert content_of(default) != content_of(_settled("data=coco", "trainer.max_epochs=3"))
    assert content_of(typed) == content_of(_settled("data=coco", "trainer.max_epochs=120", "default_epochs.coco=7"))


@pytest.mark.parametrize(
    ("overrides", "name"), [((), "adhoc"), (("experiment=smoke",), "smoke"), (("experiment_name=mine",), "mine")]
)
def test_the_name_of_the_experiment(overrides: tuple[str, ...], name: str) -> None:
    assert _settled(*overrides).experiment_name == name
