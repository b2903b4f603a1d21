"""What the page gets of a run."""

import numpy as np

from lightweight_ssd.report.run_payload import _curves


def test_long_curves_are_thinned_and_keep_what_was_validated() -> None:
    steps = np.arange(10_000.0)
    validated = np.where(steps % 500 == 499, steps / 1e4, np.nan)
    thin = _curves({"step": steps, "train/loss": 1 / (1 + steps), "val/map_50": validated})
    assert len(thin["step"]) <= 500 and sum(value is not None for value in thin["val/map_50"]) == 20
    assert (thin["step"][0], thin["step"][-1]) == (0.0, 9999.0) and thin["step"] == sorted(thin["step"])
    many = _curves({"step": steps, "val/map_50": steps})
    assert len(many["step"]) <= 500 and many["step"][-1] == 9999.0
