"""What a sweep's launcher needs before it begins: its package, and devices of its own for each job."""

import importlib.util
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, open_dict, read_write

from lightweight_ssd.sweeps.worker import name_sweep

__all__ = [
    "HANDED_ON", "ending_the_sweep", "errors_are_handed_on", "errors_are_printed", "expect_plugins", "prepare_launcher",
]  # fmt: skip

HANDED_ON, _FULL_ERROR = "LSSD_ERRORS_HANDED_ON", "HYDRA_FULL_ERROR"

# Extra of this package by package below `hydra_plugins`.
_EXTRAS = {
    "hydra_joblib_launcher": "joblib",
    "hydra_ray_launcher": "ray",
    "hydra_submitit_launcher": "slurm",
    "hydra_optuna_sweeper": "optuna",
}
_OPTUNA = {
    "_target_": "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper",
    **dict.fromkeys(("direction", "max_failure_rate", "n_jobs", "n_trials", "params", "storage", "study_name")),
}

# The presets of conf/hydra/launcher have the names of the plugins' own configs, so Hydra checks them against
# those. That is welcome, but it warns of it at every composition, in workers, too (they import this module).
warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema")


def expect_plugins() -> None:
    """Makes `hydra/sweeper=optuna` a known option where its package is missing; `prepare_launcher` then says so."""
    if not _installed("hydra_optuna_sweeper"):
        ConfigStore.instance().store(group="hydra/sweeper", name="optuna", node=_OPTUNA, provider="lightweight_ssd")


@contextmanager
def ending_the_sweep(prefix: str) -> Iterator[None]:
    """Around the body of a callback: Hydra makes a warning of what it raises, and goes on to an exit code of 0.

    Args:
        prefix: What the sentence starts with.

    Raises:
        SystemExit: With one sentence, in place of any other exception.
    """
    try:
        yield
    except Exception as error:
        what = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise SystemExit(f"{prefix}: {what}") from error


def prepare_launcher(config: DictConfig, command: str = "lssd train") -> None:
    """Checks the launcher and the sweeper of a sweep, and fills in what depends on the machine.

    Args:
        config: Of the whole sweep; `hydra.launcher` is changed in place.
        command: What the sentence starts with.

    Raises:
        SystemExit: With one sentence; of other exceptions Hydra would make a warning, since a callback calls this.
    """
    for part in ("launcher", "sweeper"):
        plugin = str(config.hydra[part]._target_).split(".")[1]
        if plugin in _EXTRAS and not _installed(plugin):
            option = config.hydra.runtime.choices[f"hydra/{part}"]
            extra = f"pip install 'lightweight-ssd[{_EXTRAS[plugin]}]'"
            raise SystemExit(f"{command}: hydra/{part}={option} needs a package that is not installed; run {extra}.")
    name_sweep(str(config.hydra.launcher._target_))
    if "hydra_ray_launcher" in config.hydra.launcher._target_:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray sends reports of its use otherwise
        with read_write(config), open_dict(config):
            _prepare_ray(config.hydra.launcher.ray, config.trainer, command)


def errors_are_handed_on() -> None:
    """Makes Hydra raise what goes wrong in a launcher or a sweeper; else it prints a traceback and ends the process."""
    if os.environ.get(_FULL_ERROR) != "1":
        os.environ[_FULL_ERROR] = os.environ[HANDED_ON] = "1"


def errors_are_printed() -> None:
    """Undoes `errors_are_handed_on`; a user's own `HYDRA_FULL_ERROR` stays."""
    if os.environ.pop(HANDED_ON, None):
        os.environ.pop(_FULL_ERROR, None)


def _installed(plugin: str) -> bool:
    try:
        return importlib.util.find_spec(f"hydra_plugins.{plugin}") is not None
    except ModuleNotFoundError:  # there is no plugin at all
        return False


def _prepare_ray(ray: DictConfig, trainer: DictConfig, command: str) -> None:
    """Gives a job as many GPUs as it has devices: a job that asks Ray for none would use the first of the machine.

    Raises:
        SystemExit: If the machine cannot meet what a job asks for; Ray would wait forever and say nothing.
    """
    import torch

    if ray.remote.get("num_gpus") is None:
        devices, gpus = trainer.devices, 0 if trainer.accelerator == "cpu" else torch.cuda.device_count()
        ray.remote.num_gpus = min(gpus, devices) if isinstance(devices, int) and devices > 0 else gpus
    if ray.init.get("address") is not None:  # a cluster may have more than this machine
        return
    for name, there in (("num_gpus", torch.cuda.device_count()), ("num_cpus", os.cpu_count() or 1)):
        there, asked = ray.init.get(name) or there, ray.remote.get(name) or 0
        if asked > there:
            raise SystemExit(
                f"{command}: hydra.launcher.ray.remote.{name}={asked} is more than the {there} of this machine; "
                "ask for less, or give a cluster with hydra.launcher.ray.init.address=auto."
            )
