"""What a benchmark measured, as a table on the terminal and as a section of `benchmarks/RESULTS.md`.

Every line sets one figure of ours beside one other of the same run on the same data: a peer's, or the least or most
that the machine itself allows. A command of the group `benchmark` measures with `interleaved`, makes a `Figure` of
each pair, and ends with `publish`::

    seconds = interleaved({"ours": our_epoch, "decoding": decode_all}, rounds=5)
    figures = [
        Figure("gray_mix_rgb", images / seconds["ours"].median, "images/s", "decoding alone",
               images / seconds["decoding"].median, is_limit=True, target=Target("ratio", ">=", 0.5)),
        Figure("help", 0.4, "s", target=Target("ours", "<=", 1.0)),
    ]
    publish(Record("loader", "150 JPEGs, one core, 300×300", figures, notes, versions=("ultralytics",)), cfg["results"])

This module imports nothing heavy, so a command may import it at its top.
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

__all__ = ["Figure", "Record", "Target", "Timing", "import_peer", "interleaved", "publish", "reached", "table"]

_Name = TypeVar("_Name", bound=Hashable)

_HEADER = ("what", "ours", "beside", "theirs", "ours ÷ theirs", "target", "reached")
_PREAMBLE = """\
# What the benchmarks measured

Each section is one run of `lssd benchmark …`, the newest last; both sides of a line were measured in turns in that run.
"""


class Target(NamedTuple):
    """What a figure has to reach.

    Attributes:
        of: `ratio` = ours ÷ theirs; `ours` = our figure itself.
        relation: `>=` or `<=`.
        value: The bound.
    """

    of: Literal["ratio", "ours"]
    relation: Literal[">=", "<="]
    value: float


class Figure(NamedTuple):
    """One line: a figure of ours and, beside it, one of somebody else.

    Attributes:
        what: Was measured, in a few words.
        ours: Our figure.
        unit: Of both figures, such as `images/s`, `ms`, `MB`.
        beside: Name of the peer or of the physical limit; empty where there is none.
        theirs: Its figure, measured in the same run; None where there is none.
        is_limit: Whether `beside` is what the machine allows at best, not a peer.
        target: What was to be reached, if anything.
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
        name: Of the command: `step` for `lssd benchmark step`.
        setting: One sentence: on what it was measured, with how many threads and rounds.
        figures: The lines.
        notes: Sentences below the table: peers that are not installed, what was tried, where the time goes.
        versions: Modules or packages, beside Python and PyTorch, whose versions the figures depend on.
        device: Name of the device that was measured, where it is not the CPU.
    """

    name: str
    setting: str
    figures: Sequence[Figure]
    notes: Sequence[str] = ()
    versions: Sequence[str] = ()
    device: str | None = None


class Timing(NamedTuple):
    """Seconds of one call over all rounds: the median, the 10th and the 90th percentile."""

    median: float
    low: float
    high: float


def interleaved(
    calls: Mapping[_Name, Callable[[], object]], rounds: int, warmup: int = 1, synchronize: Callable[[], object] = int
) -> dict[_Name, Timing]:
    """Times several calls in turns, so that a busy machine slows all of them and none goes first every time.

    Args:
        calls: By name, or anything else that a dictionary is keyed by; each does its whole work once.
        rounds: Timed calls of each, at least 1.
        warmup: Calls of each before the clock counts.
        synchronize: Waits for the device; called before each clock reading. The default does nothing.

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
            start = time.perf_counter()
            calls[name]()
            synchronize()
            seconds[name].append(time.perf_counter() - start)
    return {name: _timing(values[warmup:]) for name, values in seconds.items()}


def import_peer(module: str, install: str, notes: list[str]) -> ModuleType | None:
    """A peer's module, or None and one sentence more in `notes`: a peer is never needed.

    Args:
        module: To import, such as `ultralytics`.
        install: What pip installs it by.
        notes: Of the record.

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


def reached(figure: Figure) -> bool | None:
    """Whether the target is reached; None where there is none, or nothing to hold it against.

    Example:
        >>> reached(Figure("loader", 50.0, "images/s", "decoding", 100.0, True, Target("ratio", ">=", 0.5)))
        True
    """
    if figure.target is None:
        return None
    value = figure.ours if figure.target.of == "ours" else figure.ratio
    if value is None:
        return None
    return value >= figure.target.value if figure.target.relation == ">=" else value <= figure.target.value


def table(figures: Sequence[Figure]) -> str:
    """The lines as a Markdown table whose columns are aligned on a terminal, too."""
    rows = [_HEADER, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def publish(record: Record, results: str | Path | None) -> str:
    """Prints the record and appends it to the file of results.

    Args:
        record: What was measured.
        results: Markdown file, made where it is not there; None = the record is printed only.

    Returns:
        The section, as printed.

    Raises:
        ValueError: If `results` is a folder.
    """
    section = _section(record)
    print(section, flush=True)
    if results is not None:
        _append(Path(results), section)
        print(f"appended to {results}")
    return section


def _section(record: Record) -> str:
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
        table(record.figures),
        *(f"\n- {note}" if not number else f"- {note}" for number, note in enumerate(record.notes)),
    ]
    return "\n".join(lines)


def _append(path: Path, section: str) -> None:
    if path.is_dir():
        raise ValueError(f"Expected a file for results=… but {path} is a folder; give results={path / 'RESULTS.md'}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{'' if path.stat().st_size else _PREAMBLE}\n{section}\n")


def _cells(figure: Figure) -> tuple[str, ...]:
    """The texts of one line, in the order of the header."""
    theirs = "" if figure.theirs is None else f"{_number(figure.theirs)} {figure.unit}"
    beside = f"{figure.beside} (limit)" if figure.is_limit else figure.beside
    target, met = figure.target, reached(figure)
    wanted = "" if target is None else f"{'≥' if target.relation == '>=' else '≤'} {_number(target.value)}"
    wanted += f" {figure.unit}" if target is not None and target.of == "ours" else ""
    ratio = "" if figure.ratio is None else f"{figure.ratio:.3f}" if figure.ratio < 10 else _number(figure.ratio)
    verdict = "" if target is None else {None: "not measured", True: "yes", False: "**no**"}[met]
    return figure.what, f"{_number(figure.ours)} {figure.unit}", beside, theirs, ratio, wanted, verdict


def _number(value: float) -> str:
    """Three digits that count, never an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _timing(seconds: Sequence[float]) -> Timing:
    deciles = quantiles(seconds, n=10, method="inclusive") if len(seconds) > 1 else [seconds[0]] * 9
    return Timing(median(seconds), deciles[0], deciles[-1])


def _machine(device: str | None) -> str:
    """The machine in words; the device's vendor name is PyTorch's, which is imported by whoever measured."""
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
