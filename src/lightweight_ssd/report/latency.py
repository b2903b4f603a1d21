"""One latency for one architecture: rows that differ in training only run the same network, so they take the same time.

Their runs were measured minutes or days apart, on a machine that may have done other work meanwhile. As long as the
measurements agree within their spread they are pooled; where they do not, each row keeps its own and is marked.
"""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from lightweight_ssd.report.rows import Row, listed
from lightweight_ssd.runs.record import RunRecord
from lightweight_ssd.runs.results import Latency

__all__ = ["RowLatency", "latency_device", "latency_notes", "row_latencies"]

_USUAL = 0.1  # two measurements of one network on an idle machine may well differ by this share


class RowLatency(NamedTuple):
    """The latency of a row's network for one image, in milliseconds.

    Attributes:
        ms: Median over runs of their medians.
        low: Smallest 10th percentile of the runs; None where none was measured.
        high: Largest 90th percentile.
        device: Where it was measured.
        runs: Runs that it is pooled from, also of other rows of the same architecture.
        busy: Whether runs of this architecture differ by more than their spread, which tells of a busy machine.
    """

    ms: float
    low: float | None
    high: float | None
    device: str
    runs: int
    busy: bool


def latency_device(run: RunRecord) -> str | None:
    """The device on which the latency of a run was measured, None where it was not.

    Returns:
        Such as `NVIDIA H100, 8 threads`.
    """
    latency = run.results.latency
    if latency is None:
        return None
    threads = latency.threads
    return f"{latency.device}, {threads} thread{'' if threads == 1 else 's'}"


def row_latencies(rows: Sequence[Row]) -> dict[str, RowLatency]:
    """By row id; rows without a measurement are left out.

    Args:
        rows: Rows with finished runs. Of a row that was measured on several devices, the first device counts.
    """
    groups: dict[tuple, list[tuple[Row, Latency]]] = {}
    for row in rows:
        measured = [(_architecture(run), run.results.latency) for run in row.finished]
        known = [(key, latency) for key, latency in measured if latency and latency.ms]
        for key, latency in known:
            if key == known[0][0]:
                groups.setdefault(key, []).append((row, latency))
    found: dict[str, RowLatency] = {}
    for (*_, device), members in groups.items():
        busy = not _agree([latency for _, latency in members])
        for row in {row.id: row for row, _ in members}.values():
            own = [latency for each, latency in members if not busy or each.id == row.id]
            found[row.id] = _pooled(own, device, busy)
    return found


def latency_notes(rows: Sequence[Row], found: dict[str, RowLatency]) -> list[str]:
    """A note for each architecture whose runs contradict each other.

    Args:
        rows: Rows with finished runs.
        found: Of `row_latencies`.
    """
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        if row.id in found and found[row.id].busy:
            groups.setdefault(_architecture(row.finished[0]), []).append(row)
    return [_contradiction(same) for same in groups.values()]


def _contradiction(rows: Sequence[Row]) -> str:
    times = [run.results.latency.ms for row in rows for run in row.finished if run.results.latency]
    known = [each for each in times if each]
    whose = f"{listed([row.label for row in rows])} run the same network, but" if len(rows) > 1 else rows[0].label
    return (
        f"Latency was measured on a busy machine: {whose} took {min(known):.3g} to {max(known):.3g} ms. Do not compare "
        "these; lssd profile measures a network again."
    )


def _architecture(run: RunRecord) -> tuple:
    """What decides the latency of a network as far as results tell, and where it was measured."""
    results = run.results
    network = (results.parameters, results.macs)
    if None in network:  # nothing says that it is the network of another row
        network = (run.identity["row"],)
    return network, tuple(results.input_size or ()), latency_device(run)


def _pooled(measured: Sequence[Latency], device: str, busy: bool) -> RowLatency:
    medians = [latency.ms for latency in measured if latency.ms]
    lows = [latency.p10_ms for latency in measured if latency.p10_ms is not None]
    highs = [latency.p90_ms for latency in measured if latency.p90_ms is not None]
    low, high = min(lows, default=None), max(highs, default=None)
    return RowLatency(statistics.median(medians), low, high, device, len(medians), busy)


def _agree(measured: Sequence[Latency]) -> bool:
    """Whether the medians are close, or the ranges from the 10th to the 90th percentile have a time in common."""
    medians = [each.ms or 0.0 for each in measured]
    lows = [each.p10_ms or ms for each, ms in zip(measured, medians, strict=True)]
    highs = [each.p90_ms or ms for each, ms in zip(measured, medians, strict=True)]
    return max(medians) <= (1 + _USUAL) * min(medians) or max(lows) <= min(highs)
