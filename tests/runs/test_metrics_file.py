"""Curves are read from whatever a run left of its logs."""

from pathlib import Path

import numpy as np
import pytest

from lightweight_ssd.runs.metrics_file import read_curves


@pytest.mark.parametrize("text", ["\x00\x01", "a,b\n1,2\n", "step\udcff\n"])
def test_a_file_of_another_kind_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.csv").write_bytes(f"{text}\n1\n".encode(errors="surrogateescape"))
    columns, problems = read_curves(tmp_path)
    assert {name: len(column) for name, column in columns.items()} == {"step": 0, "epoch": 0, "hours": 0}
    assert len(problems) == 1 and str(tmp_path / "metrics.csv") in problems[0]


def test_cells_that_are_no_metric_are_empty(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("step,val/map_50\n1,1e300\n2,inf\n3,zero\ninf,0.5\n5,0.5,7,8\n")
    columns, problems = read_curves(tmp_path)
    assert columns["step"].tolist() == [1, 2, 3, 5] and problems == []
    assert np.isnan(columns["val/map_50"][:3]).all() and columns["val/map_50"][3] == 0.5


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").mkdir()
    assert len(read_curves(tmp_path)[1]) == 1 and read_curves(tmp_path / "none")[1] == []
