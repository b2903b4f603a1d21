"""A report as a Python function: what it returns and writes, how it checks its arguments, and what it imports."""

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tests.run_folders import TABLE, write_table

import lightweight_ssd
from lightweight_ssd.commands.report import _report
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.report.build import Report, build_report
from lightweight_ssd.report.watch import watch_report


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    write_table(folder / "runs", num_images=6)
    return folder


@pytest.mark.slow
def test_it_returns_what_it_wrote_and_found(table: Path) -> None:
    said: list[str] = []
    report = build_report(table / "runs", table / "out", resamples=20, max_images=2, progress=said.append)
    assert isinstance(report, Report) and len(said) == 6
    assert [row.label for row in report.rows] == ["SSD", "FPN", "CFPN"]
    assert set(report.comparison.differences) == {row.id for row in report.rows if row.label != "FPN"}
    assert "| FPN | 2 |" in report.markdown.read_text() and report.page.read_text().startswith("<!doctype html>")
    assert [len(path.read_text().splitlines()) for path in (report.rows_csv, report.runs_csv)] == [4, 7]
    assert {path.suffix for path in report.plots.iterdir()} == {".png", ".svg"}
    assert report.notes == tuple(report.payload["notes"]) and report.payload["resamples"] == 20
    assert {path.name for path in (table / "out").iterdir()} == {
        "cache", "index.html", "plots", "report.csv", "report.md", "runs.csv",
    }  # fmt: skip


def test_the_package_itself_is_the_function(table: Path) -> None:
    report = lightweight_ssd.report(
        runs=[str(table / "runs")], output=table / "called", baseline="SSD", resamples=2, max_images=0, plots=False
    )  # pyright: ignore[reportCallIssue]
    baseline = report.comparison.baseline
    assert baseline is not None and baseline.label == "SSD" and not report.plots.exists()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"resamples": 0}, "Expected resamples to be a whole number of at least 1, but got 0."),
        ({"max_images": -1}, "Expected max_images to be a whole number of at least 0, but got -1."),
        ({"seed": "x"}, "Expected seed to be a whole number of at least 0, but got 'x'."),
        ({"baselin": "FPN"}, "There is no setting baselin: did you mean baseline?"),
        ({"images": "none"}, "Expected a folder of image files but there is none at images=none; name one."),
    ],
)
def test_arguments_that_do_not_fit_are_one_sentence(given: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as error:  # the whole sentence is compared
        build_report(runs=tmp_path, output=tmp_path / "out", **given)
    assert str(error.value) == sentence and not (tmp_path / "out").exists()


def test_the_settings_of_the_command_are_the_arguments_of_the_functions() -> None:
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        settings: Any = OmegaConf.to_container(compose("report"))

    def defaults(function: Any) -> dict[str, Any]:
        parameters = inspect.signature(function).parameters.values()
        return {each.name: each.default for each in parameters if each.default is not each.empty}

    own = defaults(_report)
    once, watched = ({**defaults(each), **own} for each in (build_report, watch_report))
    only_in_python = {"plots", "live", "progress", "warn", "stop"}
    for arguments in (once, watched):
        assert arguments.keys() - only_in_python == settings.keys()
        plain = {key: str(value) if isinstance(value, Path) else value for key, value in arguments.items()}
        assert {key: plain[key] for key in settings} == {**settings, "runs": ()}
    assert settings["runs"] == []


def test_nothing_is_loaded_before_it_is_needed(tmp_path: Path) -> None:
    write_table(tmp_path, TABLE[:1], seeds=(0,), num_images=2)
    slow = "{'matplotlib', 'plotly', 'rich', 'lightning'} & set(sys.modules)"
    code = f"import sys, lightweight_ssd.report.build, lightweight_ssd.report.watch; print({slow})"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert ended.stdout == "set()\n"
