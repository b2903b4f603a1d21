"""Configurations of the benchmarks, for tests of their functions."""

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from lightweight_ssd.config.paths import CONF_DIR


def composed(command: str, *overrides: str) -> DictConfig:
    """The configuration of a command, such as `benchmark_step`."""
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose(command, list(overrides))
