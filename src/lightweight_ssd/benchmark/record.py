"""What a benchmark measured, as a table on the terminal and as a section of `benchmarks/RESULTS.md`.

Every line sets one value of ours beside one other of the same run on the same data: a peer's, or the limit that the
machine itself sets. The function of a benchmark times both with `interleaved`, makes a `Measurement` of each pair, and
returns a `Record`::

    seconds = interleaved({"ours": our_epoch, "decoding": decode_all}, rounds=5)
    measurements = [
        Measurement("gray_mix_rgb", images / seconds["ours"].median, "images/s", "decoding alone",
                    images / seconds["decoding"].median, is_limit=True, target=Target("ratio", ">=", 0.5)),
        Measurement("help", 0.4, "s", target=Target("ours", "<=", 1.0)),
    ]
    return Record("loader", "150 JPEGs, one core, 300×300", measurements, notes, versions=("ultralytics",))

The table is Markdown, written here and not by a library: the file of results is compared line by line over years, and
must not change with a library's version.
"""

import importlib
import importlib.metadata
import os
import sys
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from types import ModuleType
from typing import Literal, NamedTuple, TypeVar

from lightweight_ssd.runs.environment import environment

__all__ = [
    "Measurement",
    "Record",
    "Target",
    "Timing",
    "append_section",
    "import_peer",
    "interleaved",
    "reached",
    "table",
    "to_markdown",
]

_Name = TypeVar("_Name", bound=Hashable)

_HEADER = ("what", "ours", "beside", "theirs", "ours ÷ theirs", "target", "reached")
_PREAMBLE = """\
# What the benchmarks measured

Each section is one run of `lssd benchmark …`, the newest last; both sides of a line were measured in turns in that run.
"""


class Target(NamedTuple):
    """What a measurement has to reach.

    Attributes:
        of: `ratio` = ours ÷ theirs; `ours` = our value itself.
        relation: `>=` or `<=`.
        value: The bound.
    """

    of: Literal["ratio", "ours"]
    relation: Literal[">=", "<="]
    value: float


class Measurement(NamedTuple):
    """One line: a value of ours and, beside it, one to compare it with.

    Attributes:
        what: What was measured, in a few words.
        ours: Our value.
        unit: Unit of both values, such as `images/s`, `ms`, `MB`.
        beside: Name of the peer or of the physical limit; empty where there is none.
        theirs: Its value, measured in the same run; None where there is none.
        is_limit: Whether `beside` is what the machine allows at best, not a peer.
        target: What has to be reached, if anything.
    """

    what: str
    ours: float
    unit: str
    beside: str = ""
    theirs: float | None = None
    is_limit: bool = False
    target: Target | None = None

    @property
    def ratio(self) -> float | None:
        """Ours ÷ theirs."""
        return self.ours / self.theirs if self.theirs else None


class Record(NamedTuple):
    """One run of a benchmark.

    Attributes:
        name: The command's, such as `step` for `lssd benchmark step`.
        setting: One sentence: on what it was measured, with how many threads and rounds.
        measurements: The lines.
        notes: Sentences below the table: peers that are not installed, what was tried, where the time goes.
        versions: Modules or packages, beside Python and PyTorch, on whose versions the values depend.
        device: Name of the device that was measured, where it is not the CPU.
    """

    name: str
    setting: str
    measurements: Sequence[Measurement]
    notes: Sequence[str] = ()
    versions: Sequence[str] = ()
    device: str | None = None


class Timing(NamedTuple):
    """Seconds of one call over all rounds: the median, the 10th and the 90th percentile."""

    median: float
    low: float
    high: float


def interleaved(
    calls: Mapping[_Name, Callable[[], object]],
    rounds: int,
    warmup: int = 1,
    synchronize: Callable[[], object] = int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[_Name, Timing]:
    """Times several calls in turns, so that a busy machine slows all of them and none goes first every time.

    Args:
        calls: By name, or anything else that a dictionary is keyed by; each does its whole work once.
        rounds: Timed calls of each, at least 1.
        warmup: Calls of each before the clock counts.
        synchronize: Waits for the device; called before each clock reading. The default does nothing.
        clock: Seconds since any time; `time.process_time` for what runs on one core and should not count others' work.

    Returns:
        Seconds a call, by name.

    Example:
        >>> sorted(interleaved({"short": int, "long": lambda: sum(range(1000))}, rounds=3))
        ['long', 'short']
    """
    seconds: dict[_Name, list[float]] = {name: [] for name in calls}
    for number in range(warmup + rounds):
        order = list(calls)[:: 1 if number % 2 else -1]
        for name in order:
            synchronize()
            start = clock()
            calls[name]()
            synchronize()
            seconds[name].append(clock() - start)
    return {name: _timing(values[warmup:]) for name, values in seconds.items()}


def import_peer(module: str, install: str, notes: list[str]) -> ModuleType | None:
    """Imports a peer's module; without it the benchmark goes on and says so in its notes.

    Args:
        module: Name of the module, such as `ultralytics`.
        install: Requirement that pip installs it from.
        notes: Notes of the record; get a sentence if the module cannot be imported.

    Returns:
        The module, or None.

    Example:
        >>> notes = []
        >>> import_peer("no_such_peer", "no-such-peer", notes)
        >>> notes
        ['no_such_peer is left out, since it cannot be imported; pip install no-such-peer brings it.']
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError):  # OSError: of a library that a compiled module needs
        notes.append(f"{module} is left out, since it cannot be imported; pip install {install} brings it.")
        return None


def reached(measurement: Measurement) -> bool | None:
    """Whether the target is reached; None without a target, or without the peer that it refers to.

    Example:
        >>> reached(Measurement("loader", 50.0, "images/s", "decoding", 100.0, True, Target("ratio", ">=", 0.5)))
        True
    """
    target = measurement.target
    if target is None:
        return None
    value = measurement.ours if target.of == "ours" else measurement.ratio
    if value is None:
        return None
    return value >= target.value if target.relation == ">=" else value <= target.value


def table(measurements: Sequence[Measurement]) -> str:
    """The lines as a Markdown table whose columns are also aligned on a terminal."""
    rows = [_HEADER, *(_cells(measurement) for measurement in measurements)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def to_markdown(record: Record) -> str:
    """The record as a section of Markdown: head, commit, machine, versions, setting, table and notes."""
    about = environment()
    commit = (about["commit"] or "unknown")[:10] + (" with uncommitted changes" if about["uncommitted_changes"] else "")
    packages = {name: _version(name) for name in ("torch", *record.versions)}
    versions = ", ".join([f"Python {about['python']}", *(f"{name} {of}" for name, of in packages.items() if of)])
    lines = [
        f"## {record.name}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "",
        f"`lssd benchmark {record.name}` at commit {commit}.  ",
        f"{_machine(record.device)}; {versions}.  ",
        record.setting,
        "",
        table(record.measurements),
        *(f"\n- {note}" if not number else f"- {note}" for number, note in enumerate(record.notes)),
    ]
    return "\n".join(lines)


def append_section(path: Path, section: str) -> None:
    """Appends a section to the file of results.

    Args:
        path: Markdown file; created, with its folder and a heading, where it does not exist.
        section: Text of `to_markdown`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{'' if path.stat().st_size else _PREAMBLE}\n{section}\n")


def _cells(measurement: Measurement) -> tuple[str, ...]:
    """The texts of one line, in the order of the header."""
    theirs = "" if measurement.theirs is None else f"{_number(measurement.theirs)} {measurement.unit}"
    beside = f"{measurement.beside} (limit)" if measurement.is_limit else measurement.beside
    target, met = measurement.target, reached(measurement)
    wanted = "" if target is None else f"{'≥' if target.relation == '>=' else '≤'} {_number(target.value)}"
    wanted += f" {measurement.unit}" if target is not None and target.of == "ours" else ""
    ratio = "" if measurement.ratio is None else _ratio(measurement.ratio)
    mark = "" if target is None else {None: "not measured", True: "yes", False: "**no**"}[met]
    return measurement.what, f"{_number(measurement.ours)} {measurement.unit}", beside, theirs, ratio, wanted, mark


def _ratio(value: float) -> str:
    """Three decimals below 10, so that 1.05 and 1.049 stay apart."""
    return f"{value:.3f}" if value < 10 else _number(value)


def _number(value: float) -> str:
    """Three significant digits, never an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _timing(seconds: Sequence[float]) -> Timing:
    deciles = quantiles(seconds, n=10, method="inclusive") if len(seconds) > 1 else [seconds[0]] * 9
    return Timing(median(seconds), deciles[0], deciles[-1])


def _machine(device: str | None) -> str:
    """The names of the devices and the number of cores that this process may use."""
    import torch

    from lightweight_ssd.system.device import device_name

    cpu = f"{device_name(torch.device('cpu'))}, {len(os.sched_getaffinity(0))} cores"
    return f"{device} beside {cpu}" if device else cpu


def _version(name: str) -> str | None:
    """Of an imported module, which may come from a package of another name, else of an installed package."""
    try:
        return getattr(sys.modules.get(name), "__version__", None) or importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
