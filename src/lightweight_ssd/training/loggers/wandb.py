"""Weights & Biases as a guest: what goes wrong with it never takes the training along."""

import logging
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

__all__ = ["OptionalWandb"]

log = logging.getLogger(__name__)


class OptionalWandb(WandbLogger):
    """Lightning's logger, with one warning in place of an error.

    A folder that cannot be written, a missing key, a helper process that the system killed: whatever it is, the run
    has its own record beside it, and continues without W&B from there.

    Args:
        **settings: Of Lightning's logger, and of `wandb.init`.

    Attributes:
        lost: W&B has failed; nothing more is sent to it.
    """

    lost = False

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._wandb_init.pop("anonymous", None)  # passed as None too, of which W&B warns

    @property
    def experiment(self) -> Any:
        """The W&B run, started when first asked for; None where it is lost."""
        if not self.lost:
            try:
                return super().experiment
            except Exception as error:  # its errors have no common root, and those of the system come beside them
                self._lose(error)
        return None

    def attempt(self, action: Callable[[Any], Any]) -> None:
        """Does something with the W&B run, if there is one.

        Args:
            action: Called with the run; what it raises loses W&B, not the training.
        """
        run = self.experiment
        if self.lost:
            return
        try:
            action(run)
        except Exception as error:  # as above
            self._lose(error)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        log_metrics = super().log_metrics
        self.attempt(lambda run: log_metrics(metrics, step))

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace) -> None:
        log_hyperparams = super().log_hyperparams
        self.attempt(lambda run: log_hyperparams(params))

    def after_save_checkpoint(self, checkpoint_callback: ModelCheckpoint) -> None:
        after_save_checkpoint = super().after_save_checkpoint
        self.attempt(lambda run: after_save_checkpoint(checkpoint_callback))

    @rank_zero_only
    def finalize(self, status: str) -> None:
        finalize = super().finalize
        self.attempt(lambda run: finalize(status))

    def _lose(self, error: Exception) -> None:
        self.lost = True
        log.warning("Weights & Biases failed (%s: %s); the run continues without it.", type(error).__name__, error)
