"""The payload holds what the page and the tables read, as JSON has it."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.run_folders import TABLE, draw_scene, write_run_folder, write_table

from lightweight_ssd.report.comparison import compare
from lightweight_ssd.report.payload import build_payload
from lightweight_ssd.runs.record import find_runs
from lightweight_ssd.sweeps.notes import FailedJob, SweepNotes

ROW_KEYS = {
    "id", "label", "experiment", "scale", "baseline", "compared_with", "runs", "planned", "finished", "state",
    "metrics", "interval", "difference", "gray_difference", "paper", "errors", "sizes", "latency",
    "comparable_with_paper", "chosen_on_test",
}  # fmt: skip
RUN_KEYS = {
    "id", "row", "seed", "state", "folder", "commit", "host", "error", "step", "total_steps", "seconds_left", "curves",
    "per_class", "precision_recall", "label", "experiment", "scale", "updated", "val_map_50",
}  # fmt: skip


def _payload(folder: Path, **settings: Any) -> dict[str, Any]:
    return build_payload(compare(find_runs([folder]), folder / "cache", resamples=20), **settings)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("payload")
    write_table(folder)
    scene = draw_scene(folder / "images")
    write_run_folder(folder / "necks" / "late", TABLE[2], 2, scene, state="running", hour=8)
    return folder


def test_everything_is_there_and_json_takes_it(table: Path) -> None:
    payload = _payload(table, max_images=3)
    json.dumps(payload, allow_nan=False)
    assert payload["title"] == "necks, scale=smoke" and payload["classes"] == ["circle", "square", "triangle"]
    assert all(row.keys() >= ROW_KEYS for row in payload["rows"])
    assert all(run.keys() >= RUN_KEYS for run in payload["runs"])
    assert len(payload["images"]) == 3 and payload["paper_points"] == []
    assert payload["baseline"] == payload["rows"][1]["id"] and payload["watch"] is False
    assert {run["row"] for run in payload["runs"]} == {row["id"] for row in payload["rows"]} == set(payload["configs"])


def test_each_row_tells_its_baseline(tmp_path: Path) -> None:
    for experiment in ("one", "two"):
        write_table(tmp_path, TABLE[1:], seeds=(0,), num_images=4, experiment=experiment)
    payload = _payload(tmp_path)
    told = [(row["label"], row["baseline"], row["compared_with"]) for row in payload["rows"]]
    assert payload["baseline"] is None
    assert told == [
        ("FPN (one)", True, None), ("CFPN (one)", False, "FPN (one)"),
        ("FPN (two)", True, None), ("CFPN (two)", False, "FPN (two)"),
    ]  # fmt: skip


def test_what_sweeps_tell_is_told(table: Path) -> None:
    sweeps = SweepNotes((FailedJob("necks", "neck=pan", "failed", None, None),), ("1 of 3 jobs have not begun.",))
    payload = _payload(table, max_images=0, sweeps=sweeps)
    assert payload["notes"][0] == "1 of 3 jobs have not begun." and payload["left_out"][0]["name"] == "necks: neck=pan"


def test_rows_refer_to_their_runs(table: Path) -> None:
    payload = _payload(table, max_images=0)
    runs = {run["id"]: run for run in payload["runs"]}
    for row in payload["rows"]:
        assert [runs[run]["row"] for run in row["runs"]] == [row["id"]] * row["planned"]
    last = payload["rows"][2]
    assert (last["planned"], last["finished"], last["state"], last["metrics"]["map_50"]["n"]) == (3, 2, "running", 2)
    assert last["difference"]["shown"] in (True, False) and payload["rows"][1]["difference"] is None
    assert last["paper"] == {"map_50": 0.74, "map_coco": None, "parameters": 4860000.0}
    assert last["sizes"]["large"] is None


def test_what_the_paper_prints_stands_beside_runs_on_the_same_data(tmp_path: Path) -> None:
    printed = {"map_50": 0.68, "map_coco": 0.193, "parameters": 6.8e6}
    folders = write_table(tmp_path, [TABLE[0]._replace(paper=printed)], seeds=(0,))
    kept = [_payload(tmp_path, max_images=0)["rows"][0]["paper"]]
    identity = json.loads((folders[0] / "identity.json").read_text())
    identity["choices"]["data"] = "coco"
    (folders[0] / "identity.json").write_text(json.dumps(identity))
    kept.append(_payload(tmp_path, max_images=0)["rows"][0]["paper"])
    assert kept == [{**printed, "map_coco": None}, {**printed, "map_50": None}]


def _update(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("choices", "scale", "points"),
    [
        ({"data": "voc"}, "full", 14),
        ({"data": "voc"}, None, 14),
        ({"data": "voc"}, "short", 0),
        ({"data": "shapes"}, "full", 0),
        ({"data": "shapes"}, None, 0),
        ({}, None, 0),
    ],
)
def test_the_papers_points_stand_beside_runs_with_its_data_and_budget_only(
    tmp_path: Path, choices: dict[str, str], scale: str | None, points: int
) -> None:
    (folder,) = write_table(tmp_path, TABLE[:1], seeds=(0,), num_images=2)
    _update(folder / "identity.json", choices=choices, scale=scale)
    payload = _payload(tmp_path, max_images=0)
    assert len(payload["paper_points"]) == points and payload["rows"][0]["comparable_with_paper"] == bool(points)


@pytest.mark.parametrize(
    ("devices", "drawn"),
    [(("NVIDIA GeForce RTX 2080 Ti",), True), (("a CPU",), False), (("NVIDIA GeForce RTX 2080 Ti", "a CPU"), False)],
)
def test_the_papers_latencies_are_drawn_for_its_own_gpu_only(
    tmp_path: Path, devices: tuple[str, ...], drawn: bool
) -> None:
    folders = write_table(tmp_path, TABLE[: len(devices)], seeds=(0,), num_images=2)
    for folder, device in zip(folders, devices, strict=True):
        _update(folder / "identity.json", choices={"data": "voc"}, scale="full")
        _update(folder / "results.json", latency={"ms": 20.0, "device": device, "threads": 1})
    payload = _payload(tmp_path, max_images=0)
    latencies = [point["latency_ms"] for point in payload["paper_points"]]
    assert len(latencies) == 14 and any(latencies) == drawn and payload["paper_gpu"] == "RTX 2080 Ti"


def test_the_papers_points_beside_rows_of_both_kinds_come_with_a_note(tmp_path: Path) -> None:
    folders = write_table(tmp_path, [row._replace(paper=None) for row in TABLE[:2]], seeds=(0,), num_images=2)
    _update(folders[0] / "identity.json", choices={"data": "voc"}, scale="full")
    _update(folders[1] / "identity.json", choices={"data": "shapes"})
    payload = _payload(tmp_path, max_images=0)
    assert len(payload["paper_points"]) == 14
    assert [row["comparable_with_paper"] for row in payload["rows"]] == [True, False]
    assert any("not comparable with runs on data=shapes and scale=smoke" in note for note in payload["notes"])


def test_a_running_run_has_curves_and_nothing_else(table: Path) -> None:
    (run,) = [run for run in _payload(table, max_images=0)["runs"] if run["state"] == "running"]
    assert run["per_class"] == {} == run["precision_recall"] and (run["step"], run["total_steps"]) == (20, 40)
    assert run["seconds_left"] == 90 and len(run["curves"]["step"]) == 10
    assert run["curves"]["val/map_50"][0] is None and run["curves"]["val/map_50"][4] > 0


def test_a_class_that_is_never_there_is_null(tmp_path: Path) -> None:
    folders = write_table(tmp_path, TABLE[:1], seeds=(0,), num_images=2, classes=tuple("abcdefghijkl"))
    figures = json.loads((folders[0] / "results.json").read_text())["test"]["per_class"]
    run = _payload(tmp_path)["runs"][0]
    assert None in run["per_class"].values()
    assert run["per_class"] == {name: each["ap_50"] for name, each in figures.items()}


def test_a_date_within_a_list_of_a_config_becomes_text(tmp_path: Path) -> None:
    for number, day in enumerate(("2024-01-01", "2025-01-01")):
        folder = write_run_folder(tmp_path / f"run{number}", TABLE[number], 0, draw_scene(tmp_path / "images", 2))
        (folder / "config.yaml").write_text(f"{(folder / 'config.yaml').read_text()}\ncollected: [{day}]\n")
    configs = _payload(tmp_path)["configs"]
    assert sorted(each["collected"] for each in configs.values()) == [["2024-01-01"], ["2025-01-01"]]
    assert json.dumps(configs)
