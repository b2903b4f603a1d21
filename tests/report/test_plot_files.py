"""Plots are written where runs have values, and those of an earlier report do not stay behind."""

from pathlib import Path
from typing import Any

import pytest
from tests.run_folders import TABLE, draw_scene, write_run_folder, write_table

from lightweight_ssd.report.comparison import compare
from lightweight_ssd.report.payload import build_payload
from lightweight_ssd.report.plot_files import _drawings, write_plots
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


def _as(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**row, **changes}


def _legend(figure: Any) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


@pytest.fixture
def payload(tmp_path: Path) -> dict[str, Any]:
    write_table(tmp_path, seeds=(0,), num_images=4)
    return _payload(tmp_path)


def test_rows_on_other_data_have_a_plot_of_their_own(payload: dict[str, Any]) -> None:
    points = [{"name": "Pelee", "map_50": 0.709, "parameters": 5.43e6, "latency_ms": None}]
    rows = [_as(row, comparable_with_paper=row["label"] == "FPN") for row in payload["rows"]]
    drawn = {name: draw() for name, draw in _drawings({**payload, "rows": rows, "paper_points": points})}
    beside, apart = drawn["accuracy_parameters"], drawn["accuracy_parameters_other"]
    assert _legend(beside) == ["FPN", "the paper's Table 5, VOC 2007 test"] and _legend(apart) == ["SSD", "CFPN"]
    assert _legend(drawn["accuracy_macs"]) == ["SSD", "FPN", "CFPN"] == _legend(drawn["accuracy_latency_ms"])
    assert "accuracy_macs_other" not in drawn


def test_latency_has_its_spread_and_tells_of_a_busy_machine(payload: dict[str, Any]) -> None:
    rows = [_as(row, latency={**row["latency"], "busy": row["label"] == "SSD"}) for row in payload["rows"]]
    figure = dict(_drawings({**payload, "rows": rows}))["accuracy_latency_ms"]()
    assert figure is not None and _legend(figure) == ["SSD (busy machine)", "FPN", "CFPN"]
    (across,) = {tuple(each.lines[2][0].get_segments()[0][:, 0]) for each in figure.axes[0].containers}
    assert across == pytest.approx((12.0, 14.0)) and figure.axes[0].get_ylabel() == "test mAP@0.5 (%)"


@pytest.mark.slow
def test_names_that_look_like_formulas_are_drawn_as_they_are(payload: dict[str, Any], tmp_path: Path) -> None:
    rows = [_as(row, label=f"_$\\frac{{ {row['label']}$ \u4e2d") for row in payload["rows"]]
    changed = {**payload, "rows": rows, "title": "a $ and $\\x" * 20}
    assert len(write_plots(changed, tmp_path / "plots")) == 14
    plain = {**payload, "rows": [_as(row, label=f"_$\\frac{{ {row['label']}$") for row in payload["rows"]]}
    assert _legend(dict(_drawings(plain))["accuracy_macs"]()) == [
        f" _\\$\\frac{{ {name}\\$" for name in ("SSD", "FPN", "CFPN")
    ]


def test_nothing_is_drawn_of_runs_that_did_not_finish(tmp_path: Path) -> None:
    scene = draw_scene(tmp_path / "images", 4)
    write_run_folder(tmp_path / "run", TABLE[0], 0, scene, state="running")
    old = tmp_path / "plots" / "errors.png"
    old.parent.mkdir()
    old.write_text("of an earlier report")
    assert write_plots(_payload(tmp_path), tmp_path / "plots") == [] and not old.exists()
