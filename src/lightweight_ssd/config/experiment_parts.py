"""What an experiment sets of a detector, its input and its data, as overrides of a command that knows no experiments.

`lssd data show experiment=finetune` compares boxes with the anchors that `lssd train experiment=finetune` would train.
An experiment file is made for `lssd train`, and sets much that this command does not have.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from lightweight_ssd.config.nearest import advice
from lightweight_ssd.config.paths import CONF_DIR, options_of

__all__ = ["spelled_out"]

_COMMANDS = ("data_show",)
_GROUPS = ("data", "augment", "backbone", "neck", "detector")
_KEYS = ("image_size",)
_EXPERIMENT = "experiment="


def spelled_out(arguments: Sequence[str], config: str) -> list[str]:
    """The same with `experiment=NAME` replaced by what it sets, in front, so that what was typed counts.

    Args:
        arguments: As typed.
        config: Name of the command's configuration; others than that of `lssd data show` know experiments themselves.

    Raises:
        ValueError: There is no such experiment.

    Example:
        >>> spelled_out(["experiment=demo", "augment=none"], "data_show")[0]
        'data=shapes_demo'
        >>> spelled_out(["experiment=demo"], "train")
        ['experiment=demo']
    """
    rest = [each for each in arguments if not each.startswith(_EXPERIMENT)]
    if config not in _COMMANDS or len(rest) == len(arguments):
        return list(arguments)
    typed = dict(each.split("=", 1) for each in rest if "=" in each)
    found: list[str] = []
    for argument in arguments:
        if argument.startswith(_EXPERIMENT):
            found += _of(argument.removeprefix(_EXPERIMENT), typed)
    return [*found, *rest]


def _of(name: str, typed: Mapping[str, str]) -> Iterator[str]:
    """Overrides for an experiment; of a group for which something else was typed there are none."""
    known = options_of("experiment")
    if name not in known:
        raise ValueError(f"There is no option {name!r} of experiment: {advice(name, known)}")
    options, content = _read(f"/experiment/{name}")
    for group, option in options.items():
        if group not in typed:
            yield f"{group}={option}"
    kept = (group for group in _GROUPS if typed.get(group, options.get(group)) == options.get(group))
    for key in (*_KEYS, *kept):
        if key in content:
            yield from _settings(key, content[key])


def _read(place: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Option by group, and what else a file sets, with what the files set that it is made from."""
    content = yaml.safe_load((CONF_DIR / f"{place[1:]}.yaml").read_text()) or {}
    options: dict[str, str] = {}
    merged: dict[str, Any] = {}
    for entry in content.pop("defaults", ()):
        if isinstance(entry, str) and entry != "_self_":
            inherited, more = _read(entry if entry.startswith("/") else f"{place.rpartition('/')[0]}/{entry}")
            options, merged = {**options, **inherited}, _merged(merged, more)
        elif isinstance(entry, dict):
            given = {key.removeprefix("override /"): str(value) for key, value in entry.items()}
            options |= {group: option for group, option in given.items() if group in _GROUPS}
    return options, _merged(merged, content)


def _merged(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{key: _merged(below.get(key), value) for key, value in above.items()}}


def _settings(key: str, value: Any) -> Iterator[str]:
    """An override for each value that is no mapping."""
    if isinstance(value, dict):
        for name, inside in value.items():
            yield from _settings(f"{key}.{name}", inside)
    else:
        yield f"++{key}={_text(value)}"


def _text(value: Any) -> str:
    """A value as Hydra reads it back; references to other settings stay."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{_text(inside)}' for key, inside in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_text, value))}]"
    return value if isinstance(value, str) and value.startswith("${") else json.dumps(value, ensure_ascii=False)
