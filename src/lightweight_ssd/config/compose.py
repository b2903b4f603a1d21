"""The configuration of a command from its overrides, for Python: what Hydra composes for the shell."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.version import VersionBase
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from lightweight_ssd.config.checked_settings import check_settings, known_keys, without_other_parts
from lightweight_ssd.config.learning_rate import know_rates
from lightweight_ssd.config.overrides import as_meant
from lightweight_ssd.config.paths import CONF_DIR, options_of
from lightweight_ssd.config.sentences import sentence_of
from lightweight_ssd.config.text_keys import read_keys_as_text

__all__ = ["choices_of", "compose", "keys_of_command", "overrides_of"]

log = logging.getLogger(__name__)

_COMPOSED = "lightweight_ssd.composed"  # in the metadata of a configuration, which its copies keep


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
        ValueError: For an override with an unknown key or option, naming the nearest one, or with a syntax error; for
            a key that nothing reads, and for a value of another type than its reader takes.

    Example:
        >>> compose(["neck=fpn", "neck.width=64"]).neck.width
        64
    """
    know_rates()
    if isinstance(overrides, str):
        raise ValueError(f'Expected a list of overrides but got the text {overrides!r}; give ["{overrides}"].')
    asked = as_meant([str(each) for each in overrides], config)
    read_keys_as_text()
    try:
        cfg = _compose(config, asked)
    except (HydraException, OmegaConfBaseException) as error:
        raise ValueError(sentence_of(error, config, asked, lambda: keys_of_command(config, asked))) from None
    choices = {group: str(name) for group, name in cfg.hydra.runtime.choices.items() if name}
    with open_dict(cfg):
        del cfg["hydra"]
    for sentence in without_other_parts(cfg, asked):
        log.warning(sentence)
    check_settings(cfg, config, asked, complete=False)
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


def keys_of_command(config: str, overrides: Sequence[str]) -> set[str]:
    """Dotted keys of a command's configuration with the options that were chosen and can be, and its groups."""
    chosen = [each for each in overrides if "." not in each.partition("=")[0]]
    groups = [each for each in chosen if each.partition("=")[2] in options_of(each.partition("=")[0])]
    for some in (chosen, groups, []):
        try:
            cfg = _compose(config, list(some))
        except (HydraException, OmegaConfBaseException):
            continue
        with open_dict(cfg):
            del cfg["hydra"]
        plain: Any = OmegaConf.to_container(cfg, resolve=False)
        return known_keys(plain, config)
    return set(yaml.safe_load((CONF_DIR / f"{config}.yaml").read_text()))
