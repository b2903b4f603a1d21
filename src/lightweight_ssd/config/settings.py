"""What a composed configuration leaves open, filled in on a copy: the name of the experiment and the length of the run.

Nothing changes a configuration in place: whoever settles a value gets a new one, and the run resolves the last of them
once into plain containers.
"""

from collections.abc import Mapping
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.config.learning_rate import know_rates

__all__ = ["changed", "default_epochs", "resolved", "settled"]

know_rates()  # whoever resolves a configuration meets them, however it was composed

_ANY_OTHER = "other"  # key of `default_epochs` for a data option that the table does not name


def changed(cfg: DictConfig, **values: Any) -> DictConfig:
    """A copy with other values; mappings are merged, interpolations stay.

    Example:
        >>> changed(OmegaConf.create({"size": 1, "twice": {"size": "${size}"}}), size=2).twice.size
        2
    """
    return cast(DictConfig, OmegaConf.merge(cfg, values))


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """The configuration as plain containers, without interpolations."""
    return cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))


def default_epochs(cfg: DictConfig, choices: Mapping[str, str]) -> int | None:
    """Epochs of a run that is given no length; None where `trainer.max_epochs` or `trainer.max_steps` gives it one.

    Args:
        cfg: Of `lssd train`; its `default_epochs` holds the epochs by data option.
        choices: Option per config group.
    """
    if cfg.trainer.max_epochs is not None or cfg.trainer.max_steps >= 0:
        return None
    return int(cfg.default_epochs.get(choices.get("data", _ANY_OTHER), cfg.default_epochs[_ANY_OTHER]))


def settled(cfg: DictConfig, choices: Mapping[str, str]) -> DictConfig:
    """A copy with a name of the experiment and a length, so that it says all that the run will compute.

    Args:
        cfg: Of `lssd train`, as composed.
        choices: Option per config group.
    """
    epochs = default_epochs(cfg, choices)
    length = {} if epochs is None else {"trainer": {"max_epochs": epochs}}
    name = choices.get("experiment") or "adhoc" if cfg.experiment_name in (None, "") else cfg.experiment_name
    places = {key: str(cfg[key]) for key in ("runs", "run_dir") if cfg.get(key) is not None}  # YAML has numbers
    return changed(cfg, experiment_name=str(name), **places, **length)
