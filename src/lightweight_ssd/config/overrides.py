"""Hydra's override syntax: what a user typed, as Hydra reads it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.types import Quote, QuotedString

__all__ = ["hydra_arguments", "name_first_argument", "quoted"]


def quoted(value: object) -> str:
    """A value of an override as Hydra reads it back, whatever is in it.

    Example:
        >>> print(quoted("a, b's"))
        "a, b's"
    """
    return QuotedString(str(value), Quote.double).with_quotes()


def name_first_argument(key: str) -> None:
    """Lets a user type `lssd data prepare voc` for `lssd data prepare dataset=voc`: Hydra knows no bare arguments.

    Args:
        key: Of the configuration; the first argument becomes its value if it is neither an override nor an option.
    """
    if len(sys.argv) > 1 and "=" not in sys.argv[1] and not sys.argv[1].startswith(("-", "~", "+")):
        sys.argv[1] = f"{key}={quoted(sys.argv[1])}"


_TAKES_A_VALUE = (
    "--cfg",
    "-c",
    "--package",
    "-p",
    "--config-path",
    "-cp",
    "--config-name",
    "-cn",
    "--config-dir",
    "-cd",
)


def hydra_arguments(arguments: Sequence[str]) -> list[str]:
    """What was typed as Hydra reads it: folders become `runs=[…]`, `--watch` becomes `watch=true`, labels are quoted.

    Args:
        arguments: Without the name of the command. A folder is what has no `=` in it, or what is there as a folder.

    Example:
        >>> hydra_arguments(["runs/table4", "baseline=FPN", "--watch"])
        ['baseline="FPN"', 'watch=true', 'runs=["runs/table4"]']
    """
    folders, rest, before = [], [], ""
    for argument in arguments:
        key, _, value = argument.partition("=")
        if argument == "--watch":
            rest.append("watch=true")
        elif before in _TAKES_A_VALUE or argument.startswith("-"):
            rest.append(argument)
        elif "=" not in argument or Path(argument).is_dir():
            folders.append(_quoted(argument))
        elif key == "baseline" and value != "null":  # a label may hold anything, such as `BLL + GrayMixRGB`
            rest.append(f"baseline={_quoted(value)}")
        else:
            rest.append(argument)
        before = argument
    return [*rest, f"runs=[{','.join(folders)}]"] if folders else rest


def _quoted(text: str) -> str:
    """As Hydra reads it back, whatever is in it; what the user has quoted already stays."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text
    return quoted(text)
