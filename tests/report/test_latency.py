"""Rows of one network share one latency, or are marked where their measurements contradict each other."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.run_folders import TABLE, write_table

from lightweight_ssd.report.latency import latency_notes, row_latencies
from lightweight_ssd.report.rows import Row, rows_of
from lightweight_ssd.runs.record import find_runs

SAME = tuple(row._replace(parameters=4_770_000, macs=1_500_000_000) for row in TABLE)


def _measured(folder: Path, *times: tuple[float, float, float] | None, device: str = "a CPU") -> list[Row]:
    """Rows of one network with these medians and percentiles."""
    for run, latency in zip(sorted((folder / "necks").iterdir()), times, strict=True):
        keys: dict[str, Any] = dict(zip(("ms", "p10_ms", "p90_ms"), latency or (None,) * 3, strict=True))
        results = json.loads((run / "results.json").read_text())
        changed = {**results, "latency": {**keys, "device": device, "threads": 2} if latency else None}
        (run / "results.json").write_text(json.dumps(changed))
    return rows_of(find_runs([folder]))[0]


def test_rows_of_one_network_share_the_pooled_median(tmp_path: Path) -> None:
    write_table(tmp_path, SAME, seeds=(0,), num_images=2)
    rows = _measured(tmp_path, (20, 19, 24), (22, 21, 26), (21, 18, 23))
    found = row_latencies(rows)
    assert {each[:3] for each in found.values()} == {(21, 18, 26)}
    assert {(each.runs, each.busy, each.device) for each in found.values()} == {(3, False, "a CPU, 2 threads")}
    assert latency_notes(rows, found) == []


def test_measurements_that_contradict_each_other_are_marked(tmp_path: Path) -> None:
    write_table(tmp_path, SAME, seeds=(0,), num_images=2)
    rows = _measured(tmp_path, (17, 16, 18), (43, 40, 50), (18, 17, 19))
    found = row_latencies(rows)
    assert [found[row.id].ms for row in rows] == [17, 43, 18] and all(each.busy for each in found.values())
    (note,) = latency_notes(rows, found)
    assert note.startswith(
        "Latency was measured on a busy machine: SSD, FPN, CFPN run the same network, but took 17 to"
    )


def test_medians_that_are_close_agree_whatever_their_percentiles(tmp_path: Path) -> None:
    write_table(tmp_path, SAME[:2], seeds=(0,), num_images=2)
    rows = _measured(tmp_path, (20, 19.9, 20.1), (21.5, 21.4, 21.6))
    assert not any(each.busy for each in row_latencies(rows).values())


def test_seeds_of_one_row_may_contradict_each_other(tmp_path: Path) -> None:
    write_table(tmp_path, SAME[:1], seeds=(0, 1), num_images=2)
    rows = _measured(tmp_path, (20, 19, 21), (60, 55, 70))
    (found,) = row_latencies(rows).values()
    assert found.busy and found[:3] == (40, 19, 70)
    assert "SSD took 20 to 60 ms" in latency_notes(rows, {rows[0].id: found})[0]


def test_other_networks_and_other_devices_are_not_pooled(tmp_path: Path) -> None:
    write_table(tmp_path / "cpu", TABLE[:2], seeds=(0,), num_images=2)
    write_table(tmp_path / "gpu", TABLE[1:2], seeds=(0,), num_images=2, experiment="necks")
    _measured(tmp_path / "gpu", (2, 2, 2), device="a GPU")
    _measured(tmp_path / "cpu", (20, 19, 21), None)
    by_id = row_latencies(rows_of(find_runs([tmp_path / "cpu"]))[0])
    assert [each.ms for each in by_id.values()] == [20]
    (alone,) = row_latencies(rows_of(find_runs([tmp_path / "gpu"]))[0]).values()
    assert (alone.ms, alone.device) == (2, "a GPU, 2 threads")


def test_a_network_of_unknown_size_is_its_own(tmp_path: Path) -> None:
    write_table(tmp_path, SAME[:2], seeds=(0,), num_images=2)
    for run in (tmp_path / "necks").iterdir():
        results = json.loads((run / "results.json").read_text())
        (run / "results.json").write_text(json.dumps({**results, "macs": None}))
    rows = _measured(tmp_path, (20, 19, 21), (60, 55, 70))
    assert [each.busy for each in row_latencies(rows).values()] == [False, False]


@pytest.mark.parametrize("missing", ["p10_ms", "p90_ms"])
def test_without_percentiles_there_is_no_spread(tmp_path: Path, missing: str) -> None:
    write_table(tmp_path, SAME[:1], seeds=(0,), num_images=2)
    (run,) = (tmp_path / "necks").iterdir()
    results = json.loads((run / "results.json").read_text())
    (run / "results.json").write_text(json.dumps({**results, "latency": {**results["latency"], missing: None}}))
    (found,) = row_latencies(rows_of(find_runs([tmp_path]))[0]).values()
    assert getattr(found, "low" if missing == "p10_ms" else "high") is None
