"""Whatever one run folder holds, the report of the others is built, unchanged, and says what it left out."""

import json
import os
import random
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.run_folders import TABLE, PlannedRow, write_table

from lightweight_ssd.report.build import Report, build_report

ROWS = (*TABLE, PlannedRow("damaged", 0.6, ("neck=pan",), "pan", 5_000_000, 1_600_000_000))
FILES = (
    "identity.json", "results.json", "status.json", "config.yaml", "environment.json", "overrides.yaml", "metrics.csv",
    "times.csv", "detections.json", "detections_gray.json", "ground_truth.json",
)  # fmt: skip
WHOLE = {("config.yaml", "cut"), ("metrics.csv", "empty"), ("metrics.csv", "cut"), ("metrics.csv", "list")}
WHOLE |= {("times.csv", how) for how in ("empty", "cut", "list")}  # what is left of them is a file of its kind
SHOWN = ("label", "metrics", "interval", "difference", "gray_difference", "errors", "sizes", "latency", "paper")
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 3.5, 10**30, 1e308, float("nan"), float("inf"), "", "0..3", "$a$ \\frac{", "\ud800", "a\x00b",
    "</script>", "=cmd()|x", [], [None], [[1]], {}, {"a": [1]}, {"": ""}, "x" * 100_000, "_hidden", "2007",
)  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """Four rows of one seed, of which the last will be damaged, and what the report shows of the others."""
    folder = tmp_path_factory.mktemp("survival")
    write_table(folder / "runs", ROWS, seeds=(0,), num_images=6)
    (folder / "runs" / "necks" / "03-seed0").rename(folder / "victim")
    return folder, _shown(_build(folder, folder / "runs"))


def _build(folder: Path, runs: Path, plots: bool = False) -> Report:
    return build_report(runs, folder / "out", resamples=10, max_images=3, plots=plots)


def _shown(report: Report) -> list[dict[str, Any]]:
    rows = [row for row in report.payload["rows"] if row["label"] in ("SSD", "FPN", "CFPN")]
    return [{key: row[key] for key in SHOWN} for row in rows]


def _survives(table: tuple[Path, list[dict[str, Any]]], damage: Callable[[Path], None], plots: bool = False) -> Report:
    """The report with a damaged run among three good ones; fails unless the good rows are as they were."""
    folder, good = table
    victim = folder / "runs" / "necks" / "03-seed0"
    shutil.copytree(folder / "victim", victim, symlinks=True)
    try:
        damage(victim)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            report = _build(folder, folder / "runs", plots)
    finally:
        shutil.rmtree(victim)
    assert _shown(report) == good
    assert report.page.stat().st_size > 100_000 and "| FPN |" in report.markdown.read_text()
    return report


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["empty", "cut", "binary", "folder", "loop", "pipe", "list"])
def test_a_file_that_is_none(table: tuple[Path, list[dict[str, Any]]], name: str, how: str) -> None:
    report = _survives(table, lambda victim: _break(victim / name, how))
    told = [each for each in report.payload["left_out"] if "03-seed0" in f"{each['place']} {each['reason']}"]
    assert told or (name, how) in WHOLE or name == "overrides.yaml", f"nothing tells of {name}"


def _break(path: Path, how: str) -> None:
    content = path.read_bytes()
    path.unlink()
    match how:
        case "folder":
            path.mkdir()
        case "loop":
            path.symlink_to(path.name)
        case "pipe":
            os.mkfifo(path)
        case _:
            broken = {"empty": b"", "cut": content[: len(content) // 2], "binary": os.urandom(999), "list": b"[1, 2]"}
            path.write_bytes(broken[how])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_values_of_any_kind_in_any_place(table: tuple[Path, list[dict[str, Any]]], seed: int) -> None:
    draw = random.Random(seed)

    def damage(victim: Path) -> None:
        for name in draw.sample([each for each in FILES if each.endswith(".json")], draw.randint(1, 3)):
            content = json.loads((victim / name).read_text())
            for _ in range(draw.randint(1, 4)):
                content = _changed(content, draw)
            (victim / name).write_text(json.dumps(content))

    _survives(table, damage, plots=seed % 10 == 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_bytes_of_any_kind_in_any_place(table: tuple[Path, list[dict[str, Any]]], seed: int) -> None:
    draw = random.Random(seed)

    def damage(victim: Path) -> None:
        for name in draw.sample(FILES, draw.randint(1, 4)):
            content = bytearray((victim / name).read_bytes())
            for _ in range(draw.randint(1, 30)):
                content[draw.randrange(len(content))] = draw.choice(b'0123456789"[]{}:,.-eE\x00\xff\n nul')
            (victim / name).write_bytes(content)

    _survives(table, damage, plots=seed % 10 == 0)


def _changed(node: Any, draw: random.Random) -> Any:
    """The same with an odd value in one place, at any depth."""
    if not isinstance(node, dict | list) or not node or draw.random() < 0.1:
        return draw.choice(ODD)
    key = draw.choice(list(node) if isinstance(node, dict) else range(len(node)))
    if isinstance(node, dict) and draw.random() < 0.1:
        return {name: item for name, item in node.items() if name != key}
    node[key] = _changed(node[key], draw)
    return node


@pytest.mark.slow
def test_a_seed_that_is_a_typo_breaks_nothing_and_is_told(table: tuple[Path, list[dict[str, Any]]]) -> None:
    """`lssd train -m seed=0..3` made such a run."""

    def damage(victim: Path) -> None:
        for name in ("identity.json", "results.json"):
            content = json.loads((victim / name).read_text())
            (victim / name).write_text(json.dumps({**content, "seed": "0..3"}))
        config = (victim / "config.yaml").read_text()
        (victim / "config.yaml").write_text(config.replace("\nseed: 0", "\nseed: 0..3"))

    report = _survives(table, damage)
    assert [row.label for row in report.rows] == ["SSD", "FPN", "CFPN", "damaged"]
    reasons = " ".join(str(each["reason"]) for each in report.payload["left_out"])
    assert "identity.json holds a wrong value at seed (Expected `int | null`, got `str`)" in reasons
    assert "could not be used" in report.markdown.read_text()


def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    write_table(tmp_path / "runs", TABLE[:1], seeds=(0,), num_images=2)
    name = os.fsdecode(b"bad\xff\xfename")
    (tmp_path / "runs" / "necks" / "00-seed0").rename(tmp_path / "runs" / name)
    report = build_report(tmp_path / "runs", tmp_path / "out", resamples=2, max_images=0, plots=False)
    assert len(report.rows) == 1 and "bad" in report.runs_csv.read_text()
