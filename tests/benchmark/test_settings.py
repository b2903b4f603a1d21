"""Every benchmark's function takes what the configuration of its command holds, with the same defaults."""

import inspect
from importlib import import_module

import pytest
import torch
import yaml

from lightweight_ssd.benchmark.settings import cpu_threads
from lightweight_ssd.config.paths import CONF_DIR

BY_COMPOSITION = {"latency": {"detector"}, "loader": {"data", "recipes"}, "step": {"config"}}  # arguments from groups
FOR_COMPOSITION = {
    "loader": {"image_size", "recipes"},
    "step": {"run_dir", "experiment_name", "trainer", "callbacks"},
}  # keys that other keys refer to


@pytest.mark.parametrize("name", ["evaluate", "latency", "loader", "size", "startup", "step"])
def test_keys_and_defaults_are_those_of_the_function(name: str) -> None:
    config = yaml.safe_load((CONF_DIR / f"benchmark_{name}.yaml").read_text())
    keys = set(config) - {"defaults", "hydra", "results"} - FOR_COMPOSITION.get(name, set())
    function = getattr(import_module(f"lightweight_ssd.benchmark.{name}"), f"benchmark_{name}")
    parameters = inspect.signature(function).parameters
    assert set(parameters) - BY_COMPOSITION.get(name, set()) == keys
    for key in keys:
        default = parameters[key].default
        assert (list(default) if isinstance(default, tuple) else default) == config[key], key


def test_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError), cpu_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise KeyError
    with cpu_threads(None):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before
