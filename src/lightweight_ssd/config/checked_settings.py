"""Checks a composed configuration before anything is made: keys are read, values have their types, parts fit together.

What a key may be is not listed here: a node with a `_target_` takes the parameters of its target, and a command the
parameters of its function. Both are read without an import, so that a typing error is told at once.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import yaml
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from lightweight_ssd.config.arguments import converted, missing
from lightweight_ssd.config.batch_split import AUTO
from lightweight_ssd.config.commands import parameters_of
from lightweight_ssd.config.compatible_parts import check_parts
from lightweight_ssd.config.nearest import no_such_key
from lightweight_ssd.config.paths import CONF_DIR, options_of_groups
from lightweight_ssd.config.signatures import Parameter, signature_of

__all__ = ["check_settings", "known_keys", "names_at_the_top", "without_other_parts"]

_OPEN = ("callbacks", "logger", "default_epochs", "recipes")  # mappings whose keys are the user's own
_FILLED_IN = {  # parameters of a target that the program sets, and the key that it takes them from
    "trainer": {"callbacks": "callbacks", "logger": "logger", "deterministic": "deterministic",
                "default_root_dir": "run_dir", "plugins": ""},
}  # fmt: skip
_REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*)")
_ONE_REFERENCE = re.compile(r"\$\{([A-Za-z_][\w.]*)\}")


class _Node(NamedTuple):
    """A mapping with a `_target_`: its dotted place, as it is written, and without interpolations."""

    at: str
    written: Mapping[str, Any]
    values: Mapping[str, Any]


def check_settings(cfg: DictConfig, command: str, typed: Sequence[str] = (), complete: bool = True) -> None:
    """Refuses a key that nothing reads, a value of another type than its reader takes, and parts that do not fit.

    Args:
        cfg: As composed, without Hydra's own settings.
        command: Name of the command's configuration, such as `train`.
        typed: The overrides, for what was given to a key.
        complete: Whether what must be given has to be there; the values that a sweep varies are not.

    Raises:
        ValueError: One sentence, with the nearest key or what was expected.
    """
    written, values = _containers(cfg)
    given = {key.lstrip("+~"): value for key, _, value in (each.partition("=") for each in typed)}
    for key in _unread(written, values, command):
        known = known_keys(written, command) - {key}
        raise ValueError(_sentence(key, given.get(key, ""), known))
    _check_types(written, values, command, complete)
    check_parts(values)


def without_other_parts(cfg: DictConfig, typed: Sequence[str] = ()) -> list[str]:
    """Takes out, in place, what an experiment sets of a part that another part has taken the place of.

    `experiment=smoke` narrows the neck, and `neck=none` has no width: the width is left out.

    Args:
        cfg: As composed.
        typed: The overrides; a key that was typed stays, and is refused.

    Returns:
        A sentence for each part.
    """
    sentences = []
    keys = {each.lstrip("+").partition("=")[0] for each in typed}
    for group in map(str, list(cfg)):
        node: Any = cfg._get_node(group)
        if not isinstance(node, DictConfig) or node._is_none() or node._is_interpolation() or "_target_" not in node:
            continue
        signature, others = signature_of(str(node["_target_"])), _keys_of_options(group)
        if signature is None or signature.open:
            continue
        unread = [key for key in map(str, node) if not key.startswith("_") and key not in signature.parameters]
        left_out = [key for key in unread if key in others and f"{group}.{key}" not in keys]
        with open_dict(node):
            for key in left_out:
                del node[key]
        if left_out:
            part = str(node["_target_"]).rpartition(".")[2]
            sentences.append(f"{part} has no {' and no '.join(left_out)}: what the experiment sets there is left out.")
    return sentences


def names_at_the_top(command: str) -> frozenset[str]:
    """The keys and config groups that a command's configuration has at its top."""
    return _own_keys(command)[0]


def known_keys(config: Mapping[str, Any], command: str) -> set[str]:
    """Every dotted key that a command's configuration has or could be given.

    Args:
        config: Plain containers; what nothing reads may be among it.
        command: Name of the command's configuration.
    """
    top, _ = _own_keys(command)
    known = set(top)
    for key, node in config.items():
        if key in top:
            known |= {key, *_dotted(node, f"{key}.")}
    return known


def _containers(cfg: DictConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """As written, and resolved where that is possible before the run is placed."""
    written: Any = OmegaConf.to_container(cfg, resolve=False)
    try:
        values: Any = OmegaConf.to_container(cfg, resolve=True)
    except OmegaConfBaseException:  # whoever reads the value says what is missing
        values = written
    return written, values


def _unread(written: dict[str, Any], values: dict[str, Any], command: str) -> Iterator[str]:
    """Dotted keys that nothing reads."""
    top, own = _own_keys(command)
    referred = set(_REFERENCE.findall(str(written)))
    yield from (key for key in written if key not in top and key not in referred)
    for key, node in written.items():
        closed = own.get(key)
        if isinstance(node, dict) and isinstance(closed, dict) and closed and "_target_" not in {*node, *closed}:
            yield from (f"{key}.{each}" for each in node if each not in closed and key not in _OPEN)
    for node in _nodes(written, values):
        signature = signature_of(str(node.values["_target_"]))
        if signature is not None and not signature.open:
            filled_in = _FILLED_IN.get(node.at, {})
            settings = (key for key in node.written if not key.startswith("_"))
            yield from (f"{node.at}.{key}" for key in settings if key not in signature.parameters or key in filled_in)


def _sentence(key: str, value: str, known: set[str]) -> str:
    place, _, name = key.rpartition(".")
    if name in _FILLED_IN.get(place, {}):
        instead = _FILLED_IN[place][name]
        return f"There is no key {key}: " + (f"did you mean {instead}?" if instead else "the program sets it.")
    return no_such_key(key, value, known, options_of_groups(known))


def _check_types(written: dict[str, Any], values: dict[str, Any], command: str, complete: bool) -> None:
    for key, parameter in parameters_of(command).items():
        if key in written:
            _check(key, values[key], parameter, complete)
    for node in _nodes(written, values):
        signature = signature_of(str(node.values["_target_"]))
        for key, parameter in (signature.parameters if signature else {}).items():
            if key in node.written:
                _check_of_part(node, key, parameter, parameters_of(command))


def _check_of_part(node: _Node, key: str, parameter: Parameter, checked: Collection[str]) -> None:
    value, reference = node.values[key], _ONE_REFERENCE.fullmatch(str(node.written[key]))
    is_infinite = isinstance(value, float) and math.isinf(value)
    if is_infinite and not str(node.values["_target_"]).startswith("lightweight_ssd."):
        return  # a count without a limit
    if value == AUTO and f"{node.at}.{key}" == "trainer.accumulate_grad_batches":
        return  # a number before the trainer sees it
    if reference and (value is None or reference[1] in checked):
        return  # such as the run's folder, or batch_size=auto, which are settled later
    _check(reference[1] if reference else f"{node.at}.{key}", value, parameter, complete=False)


def _check(name: str, value: Any, parameter: Parameter, complete: bool) -> None:
    if value == "???":
        if complete and parameter.required:
            raise ValueError(missing(name, parameter.hint))
    elif not _is_part(value):
        converted(name, value, parameter.hint)


def _is_part(value: Any) -> bool:
    """Whether it is not a plain value yet: an object to be made, or an interpolation that needs the run's place."""
    if isinstance(value, dict):
        return "_target_" in value or any(map(_is_part, value.values()))
    return any(map(_is_part, value)) if isinstance(value, list) else isinstance(value, str) and "${" in value


def _nodes(written: Any, values: Any, at: str = "") -> Iterator[_Node]:
    """Every mapping with a `_target_` that stands where it is written, not where it is referred to."""
    if isinstance(written, dict) and isinstance(values, dict):
        if isinstance(values.get("_target_"), str):
            yield _Node(at, written, values)
        for key, node in written.items():
            yield from _nodes(node, values.get(key), f"{at}.{key}" if at else str(key))
    elif isinstance(written, list) and isinstance(values, list):
        for place, (node, value) in enumerate(zip(written, values, strict=True)):
            yield from _nodes(node, value, f"{at}.{place}")


def _dotted(node: Any, before: str) -> Iterator[str]:
    """What a node holds, and what its target would take beside it."""
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        yield from (f"{before}{key}", *_dotted(value, f"{before}{key}."))
    signature = signature_of(str(node.get("_target_"))) if node.get("_target_") else None
    yield from (f"{before}{key}" for key in (signature.parameters if signature else ()))


@cache
def _own_keys(command: str) -> tuple[frozenset[str], dict[str, Any]]:
    """Names that a command's configuration has at its top, groups among them, and the file's own content."""
    content = yaml.safe_load((CONF_DIR / f"{command}.yaml").read_text()) or {}
    top, own = set[str](), {}
    for entry in content.pop("defaults", ()):
        if isinstance(entry, str) and entry != "_self_":
            more, inherited = _own_keys(entry)
            top, own = top | more, {**own, **inherited}
        elif isinstance(entry, dict):
            names = [name for name in entry if not name.startswith("override ")]
            top |= {name.partition("@")[2].split(".")[0] or name for name in names}
    content.pop("hydra", None)
    return frozenset(top | content.keys() | own.keys()), {**own, **content}


@cache
def _keys_of_options(group: str) -> Collection[str]:
    """What the options of a group can be set to, all of them together."""
    keys = set[str]()
    for file in (CONF_DIR / group).glob("*.yaml"):
        keys |= set(yaml.safe_load(file.read_text()) or ())
    return frozenset(keys - {"defaults"})
