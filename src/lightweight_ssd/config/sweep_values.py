"""Checks what a sweep will vary before its first job: a typing error in the last value would be told hours later."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict

from lightweight_ssd.config.checked_settings import check_settings, without_other_parts

__all__ = ["check_sweep"]

_MOST_VALUES = 64  # of one key

Composer = Callable[[list[str]], tuple[DictConfig, DictConfig]]


class _Varied(NamedTuple):
    """A key that a sweep varies: its values as they would be typed, and as they are."""

    key: str
    override: Override
    typed: list[str]
    values: list[Any]


def check_sweep(composed: Composer, config: str, overrides: Sequence[str]) -> None:
    """Refuses a sweep of which a job could not be configured.

    Each value is looked at beside the first value of every other key.

    Args:
        composed: From overrides to the configuration and Hydra's own.
        config: Name of the command's configuration.
        overrides: As typed, also those that vary something.

    Raises:
        ValueError: One sentence for the first value that does not fit or key that nothing reads.
        HydraException: An override is none.
    """
    typed = OverridesParser.create().parse_overrides(list(overrides))
    fixed = [str(each.input_line) for each in typed if not each.is_sweep_override()]
    _, hydra = composed(fixed)
    varied = [_varied(each) for each in (*typed, *_of_the_file(hydra, typed)) if each.is_sweep_override()]
    varied = [each for each in varied if each.values]
    _check(composed([*fixed, *map(_first, varied)])[0], config, overrides)
    for each in varied:
        others = [*fixed, *(_first(other) for other in varied if other is not each)]
        if each.override.key_or_group in hydra.runtime.choices or each.override.package:
            for value in each.typed[1:]:
                _check(composed([*others, f"{each.key}={value}"])[0], config, overrides)
            continue
        cfg, _ = composed([*others, _first(each)])
        for value in each.values[1:]:
            with open_dict(cfg):
                OmegaConf.update(cfg, each.override.key_or_group, value, force_add=True)
            _check(cfg, config, overrides)


def _of_the_file(hydra: DictConfig, typed: Sequence[Override]) -> Iterator[Override]:
    """What an experiment varies by itself; what is typed takes its place."""
    given = {each.key_or_group for each in typed}
    grid = [f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items()]
    yield from (each for each in OverridesParser.create().parse_overrides(grid) if each.key_or_group not in given)


def _varied(override: Override) -> _Varied:
    """A key with its values; of an interval its ends, of a glob, which only Hydra can expand, none."""
    key, value = override.get_key_element(), override.value()
    if isinstance(value, IntervalSweep):
        ends = [value.start, value.end]
        return _Varied(key, override, list(map(str, ends)), ends)
    try:
        typed = list(islice(override.sweep_string_iterator(), _MOST_VALUES))
        values = list(islice(override.sweep_iterator(), _MOST_VALUES))
    except HydraException:
        return _Varied(key, override, [], [])
    return _Varied(key, override, typed, list(map(Override._convert_value, values)))


def _first(varied: _Varied) -> str:
    return f"{varied.key}={varied.typed[0]}"


def _check(cfg: DictConfig, config: str, typed: Sequence[str]) -> None:
    without_other_parts(cfg, typed)
    check_settings(cfg, config, typed, complete=False)
