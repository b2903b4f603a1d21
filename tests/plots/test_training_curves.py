from pathlib import Path

import numpy as np
import pytest

from lightweight_ssd.plots.style import save
from lightweight_ssd.plots.training_curves import training_curves


def columns(count: int) -> dict[str, np.ndarray]:
    steps = np.arange(count, dtype=float)
    val = np.where(steps % 10 == 9, steps / max(1, count), np.nan)
    return {"step": steps, "train/loss": 1 / (1 + steps), "val/map_50": val}


def test_what_was_not_logged_is_not_drawn():
    losses, maps = training_curves(columns(100)).axes
    assert [line.get_label() for line in losses.lines][1:] == ["train (running mean)"]
    (line,) = maps.lines
    assert line.get_xdata().tolist() == list(range(9, 100, 10)) and line.get_ydata()[-1] == pytest.approx(99)
    assert [text.get_text() for text in maps.texts] == ["best 99.0"]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_run_that_has_hardly_begun(count: int, tmp_path: Path):
    figure = training_curves(columns(count))
    assert save(figure, tmp_path / "curves.png", dpi=20).is_file()
    assert [text.get_text() for text in figure.axes[1].texts] == ["nothing yet"]
