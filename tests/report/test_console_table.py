"""The table on the console is no wider than the terminal."""

from pathlib import Path

import pytest
from tests.run_folders import PlannedRow, write_table

from lightweight_ssd.report.comparison import compare
from lightweight_ssd.report.console_table import short_table, shortened
from lightweight_ssd.report.payload import build_payload
from lightweight_ssd.runs.record import find_runs


@pytest.mark.parametrize("width", [76, 100, None])
def test_long_labels_are_cut(tmp_path: Path, width: int | None) -> None:
    typed = ("trainer.max_epochs=1", "image_size=64", "batch_size=4", "data.class_names=[cat,dog,hen]")
    rows = tuple(PlannedRow(None, 0.5, (f"neck={neck}", *typed, f"seed_of={neck}"), neck) for neck in ("fpn", "pan"))
    write_table(tmp_path, (*rows, PlannedRow("short [bold]", 0.5)), seeds=(0, 1), num_images=4)
    payload = build_payload(compare(find_runs([tmp_path]), tmp_path / "cache", resamples=20), max_images=0)
    lines = short_table(payload, width).splitlines()
    assert max(map(len, lines)) <= (width or 120) and len(lines) == 4
    assert "short [bold]" in lines[3] and "neck=fpn" in lines[1] and "neck=pan" in lines[2]
    assert "baseline" in lines[1] and "…" in (lines[1] if width else "…")


def test_labels_that_become_equal_are_numbered() -> None:
    labels = [f"{'a' * 30}{middle}{'b' * 30}" for middle in "xyz"]
    cut = shortened(labels, 20)
    assert len(set(cut)) == 3 and all(len(each) <= 20 for each in cut) and cut[1].endswith("#2")
