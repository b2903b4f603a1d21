"""The configuration of a command from its overrides, for Python: what Hydra composes for the shell."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException
from hydra.version import VersionBase
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from lightweight_ssd.config.overrides import as_meant
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.config.text_keys import read_keys_as_text

__all__ = ["choices_of", "compose", "overrides_of"]

_COMPOSED = "lightweight_ssd.composed"  # in the metadata of a configuration, which its copies keep
_DOCUMENTATION = re.compile(r"\nSee https?://\S+ for details")


def compose(overrides: Sequence[str] = (), config: str = "train") -> DictConfig:
    """Composes the configuration that `lssd train` (or another command) would run with.

    An override is what the command would get after the shell has removed its own quotes; see `overrides.as_meant` for
    the few whose numbers are read otherwise than Hydra would.
    The state of a Hydra application that is running stays as it is.

    Args:
        overrides: As on the command line, one string each, such as `["neck=fpn", "loss=ciou", "seed=1"]`.
        config: Name of the command's configuration: `train`, `evaluate`, `predict`, `report`, `data_check`, ….

    Returns:
        The configuration, with its interpolations; `choices_of` and `overrides_of` say how it was composed.

    Raises:
        ValueError: For an override with an unknown key or option, naming the nearest one, or with a syntax error.

    Example:
        >>> compose(["neck=fpn", "neck.width=64"]).neck.width
        64
    """
    if isinstance(overrides, str):
        raise ValueError(f'Expected a list of overrides but got the text {overrides!r}; give ["{overrides}"].')
    asked = as_meant([str(each) for each in overrides])
    read_keys_as_text()
    try:
        cfg = _compose(config, asked)
    except MissingConfigException as error:
        raise ValueError(_missing(error, config)) from None
    except (HydraException, OmegaConfBaseException) as error:
        raise ValueError(_sentence(str(error), config, asked)) from None
    choices = {group: str(name) for group, name in cfg.hydra.runtime.choices.items() if name}
    with open_dict(cfg):
        del cfg["hydra"]
    chosen = {group: name for group, name in choices.items() if not group.startswith("hydra/")}
    cfg._metadata.resolver_cache[_COMPOSED] = {"choices": chosen, "overrides": asked}
    return cfg


def choices_of(cfg: DictConfig) -> dict[str, str]:
    """Option by config group of a configuration from `compose`, or of a copy; empty for any other one.

    Example:
        >>> choices_of(compose(["neck=fpn"]))["neck"]
        'fpn'
    """
    return dict(cfg._metadata.resolver_cache.get(_COMPOSED, {}).get("choices", {}))


def overrides_of(cfg: DictConfig) -> list[str]:
    """The overrides that `compose` was given for this configuration, or for what it is a copy of.

    Example:
        >>> overrides_of(compose(["neck=fpn", "seed=1"]))
        ['neck=fpn', 'seed=1']
    """
    return list(cfg._metadata.resolver_cache.get(_COMPOSED, {}).get("overrides", []))


def _compose(config: str, overrides: list[str]) -> DictConfig:
    with _without_a_running_application(), initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return hydra_compose(config, overrides, return_hydra_config=True)


@contextmanager
def _without_a_running_application() -> Iterator[None]:
    """Hydra keeps its application and its version in global objects; both are put back."""
    running, versions = GlobalHydra.instance(), VersionBase.instance()
    application, version, running.hydra = running.hydra, versions.version_base, None
    try:
        yield
    finally:
        running.hydra = application
        GlobalHydra.set_instance(running)
        versions.version_base = version


def _missing(error: MissingConfigException, config: str) -> str:
    """One sentence for an option, or a command's configuration, that does not exist."""
    if error.options is None:
        known = sorted(path.stem for path in CONF_DIR.glob("*.yaml"))
        return f"There is no configuration {config!r}: {_advice(config, known)}"
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    return f"There is no option {option!r} of {group}: {_advice(option, error.options)}"


def _sentence(message: str, config: str, overrides: Sequence[str]) -> str:
    """One sentence for what Hydra says in several lines."""
    found = re.match(r"Could not (?:override|delete from config\.) '([^']+)'", message)
    if found is None:
        lines = [line.strip() for line in _DOCUMENTATION.sub("", message).splitlines() if line.strip()]
        return f"Expected overrides such as key=value but got {', '.join(overrides)}: {' '.join(lines)}"
    key = found[1].partition("@")[0]
    known, at = _known_keys(config, overrides), ""
    for part in key.split("."):
        siblings = sorted({name[len(at) :].split(".")[0] for name in known if name.startswith(at)})
        if part not in siblings:
            where = f" in {at[:-1]}" if at else ""
            return f"There is no key {key}: {_advice(part, siblings, at)}" if siblings else f"There is nothing{where}."
        at += f"{part}."
    return f"Expected {key} as configured but got another kind of value: {message.splitlines()[-1]}"


def _advice(name: str, known: Iterable[str], before: str = "") -> str:
    """The nearest of the names that exist, or all of them."""
    known = list(known)
    near = difflib.get_close_matches(name, known, 1, cutoff=0.5)
    return f"did you mean {before}{near[0]}?" if near else f"give one of {', '.join(before + each for each in known)}."


def _known_keys(config: str, overrides: Sequence[str]) -> set[str]:
    """Dotted keys of the configuration with the options that were chosen and can be, and its groups."""
    chosen = [each for each in overrides if "." not in each.partition("=")[0]]
    for some in (chosen, []):
        try:
            cfg = _compose(config, list(some))
        except (HydraException, OmegaConfBaseException):
            continue
        with open_dict(cfg):
            groups = {str(group) for group in cfg.hydra.runtime.choices if not group.startswith("hydra/")}
            del cfg["hydra"]
        plain: Any = OmegaConf.to_container(cfg, resolve=False)
        return {*_dotted(plain), *groups}
    return set(yaml.safe_load((CONF_DIR / f"{config}.yaml").read_text()))


def _dotted(node: Any, before: str = "") -> Iterator[str]:
    for key, value in node.items():
        yield f"{before}{key}"
        if isinstance(value, dict):
            yield from _dotted(value, f"{before}{key}.")
