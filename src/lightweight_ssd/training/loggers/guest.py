"""What TensorBoard and MLflow have in common here: they are guests of a run, which goes on without them.

A guest gets the configuration at the start, scalars and pictures of detections on the way, and the results at the end.
Whatever goes wrong with it costs one warning; the run has its own record beside it.
"""

import importlib.util
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8
from lightning.pytorch import Trainer

from lightweight_ssd.metrics.voc import VOCResult
from lightweight_ssd.runs.files import PICTURES, RESULTS_FILE
from lightweight_ssd.runs.result_metrics import METRICS, metric_of
from lightweight_ssd.runs.results_file import load_results
from lightweight_ssd.training.loggers.wandb_run import filters

__all__ = ["Guest", "expect_package", "final_metrics", "flat", "guests", "log_config", "log_result", "pictures_of"]

log = logging.getLogger(__name__)

Picture = UInt8[np.ndarray, "H W 3"]


class Guest(ABC):
    """A logger beside the run's own record.

    Attributes:
        title: Its name in a warning.
        lost: It has failed; nothing more is sent to it.
    """

    title: ClassVar[str]
    lost = False

    @abstractmethod
    def resume(self, step: int) -> None:
        """The run goes on at this step: so does its record here."""

    @abstractmethod
    def send_config(self, config: dict[str, Any], about: dict[str, Any], resumed_from: str | None) -> None:
        """Gets the resolved configuration, and scalars to filter runs by."""

    @abstractmethod
    def send_picture(self, name: str, picture: Picture, step: int) -> None:
        """Gets a picture, RGB."""

    @abstractmethod
    def send_results(self, metrics: dict[str, float], config: dict[str, Any], run_dir: Path, step: int) -> None:
        """Gets the final metrics; `run_dir` holds the run's pictures and `results.json`."""

    def attempt(self, action: Callable[[], Any]) -> Any:
        """Does something with the guest, unless it is lost; what the action raises loses it, not the training."""
        if self.lost:
            return None
        try:
            return action()
        except Exception as error:  # its libraries' errors have no common root, and those of the system come beside
            self.lost = True
            name = type(error).__name__
            log.warning("%s failed (%s: %s); the run continues without it.", self.title, name, error)
            return None


def expect_package(package: str, extra: str) -> None:
    """Refuses a logger whose package is not there.

    Raises:
        ValueError: With the extra that brings it.
    """
    try:
        found = importlib.util.find_spec(package) is not None
    except ValueError:  # in `sys.modules` without a specification
        found = False
    if not found:
        raise ValueError(
            f"Expected the package {package} for logger={extra}, but it is not installed; give "
            f"pip install 'lightweight-ssd[{extra}]', or logger=csv."
        )


def guests(trainer: Trainer) -> list[Guest]:
    """Those of a run that are not lost, on its first process."""
    found = [each for each in trainer.loggers if isinstance(each, Guest)]
    return [each for each in found if not each.lost] if trainer.is_global_zero else []


def log_config(trainer: Trainer, config: dict[str, Any], identity: dict[str, Any], resume_from: Path | None) -> None:
    """Sends the resolved configuration to every guest, and what to filter runs by."""
    resumed = str(resume_from) if resume_from else None
    for guest in guests(trainer):
        guest.attempt(lambda guest=guest: guest.send_config(config, filters(identity), resumed))


def log_result(trainer: Trainer, result: VOCResult, config: dict[str, Any], run_dir: Path) -> None:
    """Sends the metrics of the test and of a report (`metrics/…`), and the pictures of the run, to every guest."""
    metrics = final_metrics(result, run_dir)
    for guest in guests(trainer):
        guest.attempt(lambda guest=guest: guest.send_results(metrics, config, run_dir, trainer.global_step))


def final_metrics(result: VOCResult, run_dir: Path) -> dict[str, float]:
    """By name: those of the test, the AP of each class, and those of a report; without what is not known."""
    results, _ = load_results(run_dir / RESULTS_FILE)
    per_class = zip(result.class_names, result.ap_50.tolist(), strict=True)
    found = {
        **{f"test/{name}": value for name, value in result.scalars().items()},
        **{f"test_ap_50/{name}": value for name, value in per_class},
        **{f"metrics/{name}": metric_of(results, name) for name in METRICS},
    }
    return {name: float(value) for name, value in found.items() if value is not None and np.isfinite(value)}


def pictures_of(run_dir: Path) -> list[Path]:
    """The plots of a run."""
    return sorted((run_dir / PICTURES).glob("*.png"))


def flat(node: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Dotted keys of plain values; lists stay whole.

    Example:
        >>> flat({"optim": {"lr": 0.1, "betas": [0.9, 0.99]}, "seed": 0})
        {'optim.lr': 0.1, 'optim.betas': [0.9, 0.99], 'seed': 0}
    """
    found: dict[str, Any] = {}
    for key, value in node.items():
        name = f"{before}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found
