"""One curve for several runs that were measured at different steps."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

__all__ = ["MeanCurve", "mean_curve"]


class MeanCurve(NamedTuple):
    """A mean over runs.

    Attributes:
        x: Step, epoch or hours, increasing.
        mean: Of all runs.
        deviation: Standard deviation over runs (n − 1); NaN for one run.
        runs: Runs with any value.
    """

    x: Float[np.ndarray, " P"]
    mean: Float[np.ndarray, " P"]
    deviation: Float[np.ndarray, " P"]
    runs: int


def mean_curve(runs: Sequence[tuple[Float[np.ndarray, "_"], Float[np.ndarray, "_"]]]) -> MeanCurve:
    """Joins each run's points with straight lines and averages at every x that a run has, where all runs have values.

    Beyond the shortest run there is no mean: one over fewer runs would jump where a run ends.

    Args:
        runs: x and y of each run, of equal length; points with NaN in either are ignored.

    Example:
        >>> early, late = (np.array([0.0, 2.0]), np.array([0.0, 2.0])), (np.array([1.0, 3.0]), np.array([3.0, 3.0]))
        >>> mean_curve([early, late]).mean
        array([2. , 2.5])
    """
    known = [np.stack([x, y]).astype(np.float64)[:, np.isfinite(x) & np.isfinite(y)] for x, y in runs]
    known = [run[:, np.argsort(run[0], kind="stable")] for run in known if run.size]
    if not known:
        return MeanCurve(np.zeros(0), np.zeros(0), np.zeros(0), 0)
    first, last = max(run[0, 0] for run in known), min(run[0, -1] for run in known)
    grid = np.unique(np.concatenate([run[0] for run in known]))
    grid = grid[(grid >= first) & (grid <= last)]
    values = np.array([np.interp(grid, run[0], run[1]) for run in known])
    deviation = values.std(0, ddof=1) if len(known) > 1 else np.full(len(grid), np.nan)
    return MeanCurve(grid, values.mean(0), deviation, len(known))
