"""The settings of a command in `conf/` are the parameters of its function, with the same defaults."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import lightweight_ssd as lssd
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.export.export import export
from lightweight_ssd.report.build import build_report

COMMANDS: dict[str, Callable[..., Any]] = {
    "data_check": lssd.data_check,
    "data_convert": lssd.data_convert,
    "data_prepare": lssd.data_prepare,
    "data_show": lssd.data_show,
    "evaluate": lssd.evaluate,
    "export": export,
    "predict": lssd.predict,
    "profile": lssd.profile,
    "report": build_report,
}
WITHOUT_A_FUNCTION = {"train"}  # its function takes the configuration as a whole
# What only one of the two has.
OF_THE_COMMAND = {"report": {"watch", "port", "every"}}  # how the page is served
OF_PYTHON = {
    "report": {"plots", "live", "progress"},  # set by serving it
    "predict": {"collect"},  # nobody sees what the command returns
}


def settings(name: str) -> tuple[dict[str, Any], set[str]]:
    """A command's own settings with their defaults, and the groups that it composes."""
    content = yaml.safe_load((CONF_DIR / f"{name}.yaml").read_text())
    entries = [key for entry in content.pop("defaults") if isinstance(entry, dict) for key in entry]
    content.pop("hydra")
    return content, {key.split("@")[0] for key in entries if not key.startswith("override ")}


def test_every_command_is_here() -> None:
    assert {path.stem for path in CONF_DIR.glob("*.yaml") if not path.stem.startswith("benchmark_")} == {
        *COMMANDS, *WITHOUT_A_FUNCTION,
    }  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_settings_are_the_functions_parameters(name: str) -> None:
    own, groups = settings(name)
    parameters = inspect.signature(COMMANDS[name]).parameters
    named = {key: each.default for key, each in parameters.items() if each.kind is not each.VAR_KEYWORD}
    assert set(own) - OF_THE_COMMAND.get(name, set()) <= set(named)
    assert set(named) - OF_PYTHON.get(name, set()) - set(own) <= groups
    for key in set(own) & set(named) - groups:
        assert _plain(own[key]) == _plain(named[key]), key


def _plain(default: Any) -> Any:
    """Both notations of one default: paths as text, nothing for a mapping of nothings or an empty sequence."""
    if default is inspect.Parameter.empty:
        return "???"
    if isinstance(default, dict | list | tuple):
        values = default.values() if isinstance(default, dict) else default
        if all(value is None for value in values):
            return None
        return default if isinstance(default, dict) else list(default)
    return str(default) if isinstance(default, Path) else default
