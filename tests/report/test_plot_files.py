"""Plots are written where runs have values, and those of an earlier report do not stay behind."""

from pathlib import Path
from typing import Any

import pytest
from tests.run_folders import TABLE, draw_scene, write_run_folder, write_table

from lightweight_ssd.report.comparison import compare
from lightweight_ssd.report.payload import build_payload
from lightweight_ssd.report.plot_files import write_plots
from lightweight_ssd.runs.record import find_runs


def _payload(folder: Path) -> dict[str, Any]:
    return build_payload(compare(find_runs([folder]), folder / "cache", resamples=10), max_images=0)


@pytest.mark.slow
def test_a_plot_of_each_kind_as_png_and_svg(tmp_path: Path) -> None:
    write_table(tmp_path, seeds=(0,), num_images=6)
    written = write_plots(_payload(tmp_path), tmp_path / "plots")
    kinds = {"curves_val_map_50", "curves_train_loss", "accuracy_parameters", "accuracy_macs", "accuracy_latency_ms"}
    assert {path.stem for path in written} == kinds | {"differences", "errors"} and len(written) == 14
    assert all(path.stat().st_size > 1000 for path in written)
    svg = (tmp_path / "plots" / "accuracy_parameters.svg").read_text()
    assert svg.startswith("<?xml")


@pytest.mark.slow
def test_differences_have_a_plot_for_each_baseline(tmp_path: Path) -> None:
    for experiment in ("one", "two/b c"):
        write_table(tmp_path, TABLE[1:], seeds=(0,), num_images=4, experiment=experiment)
    folder = tmp_path / "plots"
    write_plots(_payload(tmp_path / "one"), folder)
    assert [path.name for path in sorted(folder.glob("differences*.svg"))] == ["differences.svg"]
    write_plots(_payload(tmp_path), folder)
    names = [path.name for path in sorted(folder.glob("differences*.svg"))]
    assert names == ["differences_one.svg", "differences_two_b_c.svg"]
    write_plots(_payload(tmp_path / "one"), folder)
    assert [path.name for path in sorted(folder.glob("differences*.svg"))] == ["differences.svg"]


def test_nothing_is_drawn_of_runs_that_did_not_finish(tmp_path: Path) -> None:
    scene = draw_scene(tmp_path / "images", 4)
    write_run_folder(tmp_path / "run", TABLE[0], 0, scene, state="running")
    old = tmp_path / "plots" / "errors.png"
    old.parent.mkdir()
    old.write_text("of an earlier report")
    assert write_plots(_payload(tmp_path), tmp_path / "plots") == [] and not old.exists()
