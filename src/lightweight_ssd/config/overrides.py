"""Hydra's override syntax: what a user typed, as Hydra reads it."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import OverrideParseException

__all__ = ["as_meant", "hydra_arguments", "name_first_argument", "quoted"]

# Names and places: text, whatever they look like.
_TEXT = ("experiment_name", "runs", "run_dir", "resume", "init_from", "data.root")
_NUMBER_FOR_TEXT = re.compile(rf"(\+{{0,2}}(?:{'|'.join(map(re.escape, _TEXT))}))=([-+.\w]+)")
_YAMLS_INFINITY = re.compile(r"=([-+]?)\.(?:inf|Inf|INF)$")
_NUMBER_AS_KEY = re.compile(r"=\s*\{.*?\d\s*:")


def as_meant(arguments: Sequence[str]) -> list[str]:
    """Overrides as Hydra reads them rightly, where it would read a number otherwise than a YAML file has it.

    - Names that look like numbers stay text: a commit such as 4362e60 would become 4.362e63.
    - `.inf`, as our files have it, is a number; Hydra knows `inf` only.
    - Keys that are numbers, as in `data.train={2007: train}`, are those of the file, which are text.

    Example:
        >>> as_meant(["experiment_name=4362e60", "patience=.inf", "data.train={2007: train, 2012: null}", "seed=1"])
        ['experiment_name="4362e60"', 'patience=inf', 'data.train.2007=train', 'data.train.2012=null', 'seed=1']
    """
    return [meant for argument in arguments for meant in _as_meant(argument)]


def _as_meant(argument: str) -> list[str]:
    match = _NUMBER_FOR_TEXT.fullmatch(argument)
    if match and _is_number(match[2]):
        return [f"{match[1]}={quoted(match[2])}"]
    if _NUMBER_AS_KEY.search(argument):
        return _by_key(argument)
    return [_YAMLS_INFINITY.sub(r"=\1inf", argument)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _by_key(argument: str) -> list[str]:
    """An override of a mapping as one per key, which says the same: Hydra merges mappings."""
    try:
        parsed = OverridesParser.create().parse_override(argument)
    except OverrideParseException:
        return [argument]  # Hydra says what is wrong
    value = parsed._value  # with the user's quotes, which `value()` drops
    if not isinstance(value, dict) or not any(isinstance(key, int) for key in value):
        return [argument]
    place = argument.partition("=")[0].strip()
    place = place if place.startswith("++") else place.replace("+", "++", 1)  # some of the keys may be there
    return [f"{place}.{key}={Override._get_value_element_as_str(item)}" for key, item in value.items()]


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
