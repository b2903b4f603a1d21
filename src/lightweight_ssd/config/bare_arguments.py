"""Arguments without a key, as people type them: `lssd predict photo.jpg` for `lssd predict source=photo.jpg`."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from lightweight_ssd.config.checked_settings import names_at_the_top
from lightweight_ssd.config.overrides import TAKES_A_VALUE, quoted
from lightweight_ssd.config.paths import options_of

__all__ = ["bare_arguments", "data_key", "with_keys"]


def with_keys(
    arguments: Sequence[str], config: str, key_of: Callable[[str], str], several: str | None = None
) -> list[str]:
    """Gives every bare argument its key.

    Bare is what has no `=`, and what is there as a file although it has one, and an address; after `--`, everything is.

    Args:
        arguments: Without the name of the command.
        config: Name of the command's configuration; `KEY=…` with one of its keys is never taken for a file.
        key_of: The key of a bare argument.
        several: The key that takes more than one.

    Raises:
        ValueError: Two bare arguments for a key that takes one.

    Example:
        >>> with_keys(["a, b.jpg", "output=x"], "predict", lambda _: "source")
        ['output=x', 'source="a, b.jpg"']
    """
    bare: dict[str, list[str]] = {}
    without_key, rest = bare_arguments(arguments, config)
    for argument in without_key:
        bare.setdefault(key_of(argument), []).append(argument)
    for key, values in bare.items():
        if len(values) > 1 and key != several:
            raise ValueError(f"Expected one {key} but got {' and '.join(values)}; give {key}={values[0]} alone.")
        texts = [_path_or_name(key, value) for value in values]
        rest.append(f"{key}={texts[0]}" if len(texts) == 1 else f"{key}=[{','.join(texts)}]")
    return rest


def bare_arguments(arguments: Sequence[str], config: str) -> tuple[list[str], list[str]]:
    """Those without a key, and the rest.

    Example:
        >>> bare_arguments(["runs/mine", "a.jpg", "output=x"], "predict")
        (['runs/mine', 'a.jpg'], ['output=x'])
    """
    bare: list[str] = []
    rest: list[str] = []
    before, ended = "", False
    for argument in arguments:
        if ended or (before not in TAKES_A_VALUE and _is_bare(argument, config)):
            bare.append(argument)
        elif argument == "--":
            ended = True
        else:
            rest.append(argument)
        before = argument
    return bare, rest


def data_key(argument: str) -> str:
    """What a bare argument of `lssd data …` is: a name of the group `data`, or a folder."""
    return "data.root" if Path(argument).is_dir() and argument not in options_of("data") else "data"


def _path_or_name(key: str, value: str) -> str:
    return value if key == "data" and re.fullmatch(r"[\w-]+", value) else quoted(value)


def _is_bare(argument: str, config: str) -> bool:
    if argument == "-":  # standard input
        return True
    if argument.startswith(("-", "+", "~")):
        return argument not in ("-m", "-c", "-p", "-r", "-i", "-h") and os.path.lexists(argument)
    key, equals, _ = argument.partition("=")
    if not equals or "://" in key:
        return True
    first = re.split(r"[.@/]", key)[0]
    return first not in {*names_at_the_top(config), "hydra"} and os.path.lexists(argument)
