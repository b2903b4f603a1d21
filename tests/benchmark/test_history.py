"""Measurements over commits: written, read back, and drawn beside their targets."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightweight_ssd.benchmark.history import append_history, plot_history, read_history
from lightweight_ssd.benchmark.record import Measurement, Record, Target


def _record(rate: float) -> Record:
    return Record(
        "loader",
        "here",
        [
            Measurement("a $recipe$", rate, "images/s", "decoding, alone", 100.0, True, Target("ratio", ">=", 0.65)),
            Measurement("start", 0.4, "s", target=Target("ours", "<=", 1.0)),
            Measurement("no peer", 3.0, "ms", "missing", None, target=Target("ratio", "<=", 1.0)),
            Measurement("no target", 3.0, "ms"),
        ],
    )


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "history.csv"
    append_history(path, _record(50.0))
    append_history(path, _record(70.0))
    lines = read_history(path)
    assert [line.reached for line in lines] == [False, True, None, None, True, True, None, None]
    assert [line.value for line in lines[:4]] == [0.5, 0.4, None, 3.0]
    assert (lines[0].beside, lines[0].relation, lines[0].target) == ("decoding, alone", ">=", 0.65)
    assert path.read_text().count("date,commit") == 1


def test_each_with_a_target_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    for rate in (50.0, 70.0):
        append_history(path, _record(rate))
    plot_history(read_history(path), tmp_path / "history.png")
    image = np.asarray(Image.open(tmp_path / "history.png").convert("RGB"))
    assert image.shape[1] > 1000 and (image != 255).any(axis=-1).mean() > 0.005


def test_no_target_at_all_is_an_empty_plot(tmp_path: Path) -> None:
    plot_history([], tmp_path / "history.png")
    assert (tmp_path / "history.png").is_file()


def test_another_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"Expected the lines of `lssd benchmark` in .*history\.csv but got something"):
        append_history(path, _record(1.0))
    assert path.read_text() == "a,b\n1,2\n"
