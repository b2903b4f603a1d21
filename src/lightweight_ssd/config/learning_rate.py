"""A detector's learning rate by the optimizer that is chosen: `lr: ${rate:0.002,0.004}` in `conf/detector`."""

from typing import Any

from omegaconf import OmegaConf

__all__ = ["know_rates"]


def know_rates() -> None:
    """Lets a configuration say `${rate:A,B}` beside the optimizer's `_target_`: A for SGD, B for any other optimizer.

    Their rates differ by the factor 25 here, and a scale or the command line may choose the optimizer after the
    detector has said its rate.
    """
    OmegaConf.register_new_resolver("rate", _rate, replace=True)


def _rate(of_sgd: float, of_others: float, *, _parent_: Any) -> float:
    return of_sgd if str(_parent_.get("_target_", "")).endswith(".SGD") else of_others
