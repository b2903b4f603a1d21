"""Hydra's override syntax: what a user typed, as Hydra reads it."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from lightweight_ssd.config.checked_settings import names_at_the_top
from lightweight_ssd.config.commands import path_keys
from lightweight_ssd.config.experiment_parts import spelled_out
from lightweight_ssd.system.plain_text import is_number

__all__ = ["TAKES_A_VALUE", "as_meant", "hydra_arguments", "quoted"]

_NAME_LIKE_A_NUMBER = re.compile(r"(\+{0,2}experiment_name)=([-+.\w]+)")
_YAMLS_INFINITY = re.compile(r"=([-+]?)\.(?:inf|Inf|INF)$")
_NUMBER_AS_KEY = re.compile(r"=\s*\{.*?\d\s*:")
_PATH_OF_A_PART = re.compile(
    r"data\.(?:root|cache_dir|(?:(?:train|val|test)\.)?(?:annotations|images))|backbone\.weights|results"
)
_PATH_BY_SPLIT = re.compile(r"data\.(?:images|annotations)(?:\.(?:train|val|test))?")
_FACTORS = re.compile(r"lr_factors=\s*\{")
_QUOTED_OR_SIGN = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[\[\]{}(),:=])""")
_INTERPOLATION = re.compile(r"(\\*)\$\{")


def as_meant(arguments: Sequence[str], config: str = "train") -> list[str]:
    """Overrides as Hydra reads them rightly, where its grammar would read something else than was typed.

    - Paths are taken as they are, with brackets, quotes, commas, `=` or spaces. What has a meaning for Hydra keeps it
      where there is no such file: a list, an interpolation, and with `-m` the values of a sweep, separated by commas.
    - Names that look like numbers stay text: a commit such as 4362e60 would become 4.362e63.
    - `.inf`, as our files have it, is a number; Hydra knows `inf` only.
    - `root=FOLDER` is `data.root=FOLDER` where a command takes data and has no root of its own.
    - Keys that are numbers, as in `data.train={2007: train}`, are those of the file, which are text.
    - `data.images.train=FOLDER` and `lr_factors={neck: 0.5}` set keys that a configuration need not have before.
    - Text with letters outside ASCII, which Hydra takes in quotes only, gets them.
    - `experiment=NAME` of `lssd data show` is what that experiment sets of the detector, its input and its data.

    Args:
        arguments: As the shell hands them over.
        config: Name of the command's configuration, which knows its paths.

    Example:
        >>> as_meant(["experiment_name=4362e60", "patience=.inf", "data.train={2007: train, 2012: null}", "seed=1"])
        ['experiment_name="4362e60"', 'patience=inf', 'data.train.2007=train', 'data.train.2012=null', 'seed=1']
        >>> as_meant(["data.root=my photos (1)/a,b", "resume=auto"])
        ['data.root="my photos (1)/a,b"', 'resume=auto']
        >>> as_meant(["data=folder", "root=mine"])
        ['data=folder', 'data.root=mine']
        >>> as_meant(["data.classes=[人, cat]"])
        ['data.classes=["人", cat]']
    """
    varies = bool({"-m", "--multirun"} & set(arguments))
    return [meant for argument in spelled_out(arguments, config) for meant in _as_meant(argument, config, varies)]


def _as_meant(argument: str, config: str, varies: bool) -> list[str]:
    key, equals, value = argument.partition("=")
    if equals and key == "root" and "data" in (known := names_at_the_top(config)) and "root" not in known:
        key = "data.root"
    if equals and _PATH_BY_SPLIT.fullmatch(key.lstrip("+")):
        return [_path_by_split(key, value, varies)]
    if equals and _is_path(key.lstrip("+"), config):
        return [f"{key}={_path(value, varies)}"]
    match = _NAME_LIKE_A_NUMBER.fullmatch(argument)
    if match and is_number(match[2]):
        return [f"{match[1]}={quoted(match[2])}"]
    if _FACTORS.match(argument):
        return [f"++{argument}"]
    if _NUMBER_AS_KEY.search(argument):
        return _by_key(argument)
    return [_with_quotes(_YAMLS_INFINITY.sub(r"=\1inf", argument))]


def _is_path(key: str, config: str) -> bool:
    return key in path_keys(config) or _PATH_OF_A_PART.fullmatch(key) is not None


def _path(text: str, varies: bool) -> str:
    """A path as Hydra reads it back; what Hydra would read as something else on purpose stays."""
    text = str(Path(text).expanduser()) if text.startswith("~/") else text
    parsed = _parsed(text)
    if parsed is not None and not os.path.lexists(text):
        value = parsed._value
        if parsed.is_sweep_override():
            return text if varies else quoted(text)
        return text if value is None or value == text or isinstance(value, list | QuotedString) else quoted(text)
    if parsed is not None and parsed._value == text and "${" not in text:
        return text
    parts = text.split(",")
    return ",".join(map(quoted, parts)) if varies and len(parts) > 1 and _all_there(text, parts) else quoted(text)


def _all_there(text: str, parts: Sequence[str]) -> bool:
    return not os.path.lexists(text) and all(map(os.path.lexists, parts))


def _parsed(value: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(f"key={value}")
    except HydraException:
        return None


def _path_by_split(key: str, text: str, varies: bool) -> str:
    """One path or one per split, in a mapping or by its own key, which `data.images: null` does not have."""
    if key.count(".") > 1:
        return f"++{key.lstrip('+')}={_path(text, varies)}"
    parsed = _parsed(text)
    paths = parsed._value if parsed else None
    if not isinstance(paths, dict):
        return f"{key}={_path(text, varies)}"
    return f"{key}={{{', '.join(f'{split}: {_folder(path)}' for split, path in paths.items())}}}"


def _folder(value: Any) -> str:
    """A path inside a mapping; a folder called 2007 is no number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return quoted(value) if is_number else Override._get_value_element_as_str(value)


def _with_quotes(argument: str) -> str:
    """The same with quotes around text with letters outside ASCII, if Hydra reads it then and did not before."""
    key, equals, value = argument.partition("=")
    if not equals or value.isascii() or "${" in value or _parsed(value) is not None:
        return argument
    parts = _QUOTED_OR_SIGN.split(value)  # every second one is a quoted text or a sign
    texts = (part if place % 2 or part.isascii() else _quoted_inside(part) for place, part in enumerate(parts))
    meant = "".join(texts)
    return argument if _parsed(meant) is None else f"{key}={meant}"


def _quoted_inside(text: str) -> str:
    return text.replace(text.strip(), quoted(text.strip()))


def _by_key(argument: str) -> list[str]:
    """An override of a mapping as one per key, which says the same: Hydra merges mappings."""
    parsed = _parsed(argument.partition("=")[2])
    value = parsed._value if parsed else None  # with the user's quotes, which `value()` drops
    if not isinstance(value, dict) or not any(isinstance(key, int) for key in value):
        return [argument]
    place = argument.partition("=")[0].strip()
    place = place if place.startswith("++") else place.replace("+", "++", 1)  # some of the keys may be there
    return [f"{place}.{key}={Override._get_value_element_as_str(item)}" for key, item in value.items()]


def quoted(value: object) -> str:
    r"""A value of an override as Hydra reads it back, whatever is in it.

    Example:
        >>> print(quoted("a, b's"))
        "a, b's"
        >>> print(quoted("${b}.jpg"))
        "\${b}.jpg"
    """
    text = _INTERPOLATION.sub(lambda match: f"{2 * match[1]}\\${{", str(value))
    return QuotedString(text, Quote.double).with_quotes()


TAKES_A_VALUE = frozenset(
    {"--cfg", "-c", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd"}
)
"""Options of Hydra that are followed by their value."""


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
        elif before in TAKES_A_VALUE or argument.startswith("-"):
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
