"""What is read from the source is what Python would say after the import."""

import inspect
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from omegaconf import OmegaConf

from lightweight_ssd.config.commands import parameters_of, path_keys
from lightweight_ssd.config.paths import CONF_DIR, options_of
from lightweight_ssd.config.signatures import signature_of

GROUPS = ("backbone", "neck", "loss", "classification", "augment", "data", "optim", "trainer", "logger", "detector")


def _targets(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["_target_"]} if isinstance(node.get("_target_"), str) else set()
        return own.union(*map(_targets, node.values()))
    return set().union(*map(_targets, node)) if isinstance(node, list) else set()


def _composed(group: str, option: str) -> Any:
    """Unchecked: not every option fits the default ones of the other groups."""
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose("train", [f"{group}={option}"])


TARGETS = sorted(
    set().union(
        *(
            _targets(OmegaConf.to_container(_composed(group, option), resolve=False))
            for group in GROUPS
            for option in options_of(group)
        )
    )
)


@pytest.mark.parametrize("target", TARGETS)
def test_it_has_the_parameters_that_the_import_shows(target: str) -> None:
    read = signature_of(target)
    assert read is not None
    part = get_object(target)
    if isinstance(part, type) and part.__init__ is torch.nn.Module.__init__:  # takes any, and refuses them
        assert read == ({}, False)
        return
    known = inspect.signature(part).parameters.values()
    by_name = {each.name: each.default is each.empty for each in known if each.kind not in (2, 4)}
    assert {name: each.required for name, each in read.parameters.items()} == by_name
    assert read.open == any(each.kind is each.VAR_KEYWORD for each in known)


@pytest.mark.parametrize("command", [path.stem for path in sorted(CONF_DIR.glob("*.yaml"))])
def test_every_command_has_its_function(command: str) -> None:
    assert parameters_of(command)


def test_types_are_read_as_far_as_they_are_plain() -> None:
    parameters = signature_of("lightweight_ssd.neck.cfpn.CFPN").parameters  # pyright: ignore[reportOptionalMemberAccess]
    assert parameters["circles"].hint is int and parameters["norm_eps"].hint is float
    trainer = signature_of("lightning.pytorch.Trainer").parameters  # pyright: ignore[reportOptionalMemberAccess]
    assert trainer["max_epochs"].hint == (int | None) and trainer["callbacks"].hint is Any


@pytest.mark.parametrize("target", ["no.such.Thing", "lightweight_ssd.neck.cfpn.Nothing", "mine", "", "sys.exit"])
def test_what_has_no_source_is_not_known(target: str) -> None:
    assert signature_of(target) is None


def test_paths_are_known_by_their_type() -> None:
    assert path_keys("train") == {"init_from", "resume", "runs", "run_dir"}
    assert path_keys("evaluate") == {"checkpoint", "model", "output"}
    assert {"output", "images"} <= path_keys("report") and "images" not in path_keys("data_show")
