"""Run folders read back: what a run was, how it ended and what it measured, without any of the code that made it.

A folder may come from another machine, from a run that is still writing, or from one that was cut off in the middle of
a file. What cannot be read is left out and said in `problems`; nothing here ends a report because one file is broken.
"""

import csv
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from jaxtyping import Float64

from lightweight_ssd.runs.conditions import conditions_of
from lightweight_ssd.runs.files import (
    CONFIG_FILE,
    ENVIRONMENT_FILE,
    ERROR_LOG,
    IDENTITY_FILE,
    METRICS_FILE,
    OVERRIDES_FILE,
    RESULTS_FILE,
    STATUS_FILE,
    TIMES_FILE,
    TRAIN_LOG,
)
from lightweight_ssd.runs.folder import content_hash
from lightweight_ssd.runs.results import RunResults, metric_of
from lightweight_ssd.runs.results_file import load_results
from lightweight_ssd.runs.status import FINISHED, UNDER_WAY, seen_now

__all__ = ["RunRecord", "find_runs", "flat_config", "read_run", "run_folders"]


class RunRecord(NamedTuple):
    """One run.

    Attributes:
        folder: Where it lies now.
        state: running, finished, interrupted, failed, or aborted where its process has ended without saying so.
        identity: What it is: `content`, `row` (hashes), `label`, `experiment`, `scale`, `seed`, `choices`, `overrides`,
            `paper`, `baseline`, `started`, `conditions`, `earlier_conditions`; every key is there.
        results: What it measured, empty before it has measured anything.
        config: Resolved configuration, empty where it cannot be read.
        status: The latest of `status.json`.
        environment: Commit and versions.
        problems: What could not be read, a sentence each.
    """

    folder: Path
    state: str
    identity: dict[str, Any]
    results: RunResults
    config: dict[str, Any]
    status: dict[str, Any]
    environment: dict[str, Any]
    problems: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether it ended and left the metrics of a test split: only such runs are averaged."""
        return self.state == FINISHED and metric_of(self.results, "map_50") is not None

    @property
    def error(self) -> str | None:
        """Why it did not finish, as far as is known."""
        return None if self.complete else self.status.get("error") or (self.problems[-1] if self.problems else None)

    @property
    def log(self) -> Path:
        """The file that says most about how it ended."""
        return next(
            (path for path in (self.folder / TRAIN_LOG, self.folder / ERROR_LOG) if path.is_file()),
            self.folder / STATUS_FILE,
        )

    def metrics(self) -> dict[str, Float64[np.ndarray, " K"]]:
        """The columns of `metrics.csv` and `hours` of training from `times.csv`; NaN where a cell is empty.

        Returns:
            Always with `step`, `epoch` and `hours`; all of one length, 0 for a run that logged nothing.
        """
        columns = _columns(self.folder / METRICS_FILE)
        whole = ~np.isnan(columns.get("step", np.zeros(0)))
        columns = {name: column[whole] for name, column in columns.items() if "step" in columns}
        steps = columns.setdefault("step", np.zeros(0))
        times = _columns(self.folder / TIMES_FILE)
        hours = dict(zip(times.get("step", ()), times.get("hours", ()), strict=False))
        columns["hours"] = np.array([hours.get(step, np.nan) for step in steps], np.float64)
        columns.setdefault("epoch", np.full(len(steps), np.nan))
        return columns


def find_runs(paths: Iterable[str | Path]) -> list[RunRecord]:
    """All runs in and below the folders, by the time at which they started.

    A run's folder holds `identity.json`, or `results.json` beside `config.yaml`; what lies inside one is not searched.

    Args:
        paths: Folders of runs or of folders of runs; one that is named twice counts once.

    Raises:
        FileNotFoundError: If one of the paths is no folder.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not Path(path).is_dir():
            raise FileNotFoundError(f"Expected a folder of runs but there is none at {path}; give one, such as runs.")
        found |= dict.fromkeys(run_folders(Path(path).resolve()))
    return sorted(map(read_run, found), key=lambda run: (run.identity["started"], str(run.folder)))


def run_folders(root: Path) -> list[Path]:
    """The folders of runs in and below a folder; empty where there is none."""
    folders = []
    for folder, children, files in os.walk(root):
        if IDENTITY_FILE in files or {RESULTS_FILE, CONFIG_FILE} <= set(files):
            folders.append(Path(folder))
            children.clear()
    return folders


def read_run(folder: Path) -> RunRecord:
    """Reads one run's folder."""
    results, problems = load_results(folder / RESULTS_FILE)
    names = (IDENTITY_FILE, STATUS_FILE, ENVIRONMENT_FILE, CONFIG_FILE)
    identity, status, environment, config = (_read_object(folder / name, problems) for name in names)
    status = seen_now(status)
    state = status.get("state")
    if not state or not isinstance(state, str):
        state = "running" if results == RunResults() else FINISHED
    state = "running" if state in UNDER_WAY else state
    identity = {**_inferred_identity(folder, results, config), **identity}
    environment = environment or results.environment or {}
    if state == FINISHED and metric_of(results, "map_50") is None:
        state = "failed"
        problems.append(f"{folder / RESULTS_FILE} has no mAP of a test split, although the run ended well.")
    return RunRecord(folder, state, identity, results, config, status, environment, tuple(problems))


def flat_config(run: RunRecord) -> dict[str, Any]:
    """What the run computes, as one flat mapping from dotted keys to values, the seed included.

    Left out is what its content hash leaves out, and what is only another group written out in a second place
    (`detector.neck` is `neck`). The run folder's own path reads `RUN`.
    """
    home = str(run.config.get("run_dir") or run.folder)
    groups = {key: value for key, value in run.config.items() if isinstance(value, dict)}
    flat: dict[str, Any] = {}
    for key, value in _leaves(run.config, groups):
        if _is_content(key, run.config.get("content")):
            flat[".".join(key)] = value.replace(home, "RUN") if isinstance(value, str) else value
    return flat


def _leaves(
    node: dict[str, Any], groups: dict[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in node.items():
        if isinstance(value, dict) and value:
            if not (above and value in groups.values()):
                yield from _leaves(value, groups, (*above, str(name)))
        else:
            yield (*above, str(name)), value


def _is_content(key: tuple[str, ...], counted: Any) -> bool:
    """Asks the hash itself, so that there is one list of what counts."""
    group, *inner = key
    before, after = ({"content": counted, group: {inner[0]: value} if inner else [value]} for value in "ab")
    return content_hash(before) != content_hash(after)


def _inferred_identity(folder: Path, results: RunResults, config: dict[str, Any]) -> dict[str, Any]:
    """What the other files say of a run that has no `identity.json`, or half of one."""
    run = RunRecord(folder, "", {}, RunResults(), config, {}, {})
    content = {key: value for key, value in flat_config(run).items() if key != "seed"} or {"folder": str(folder)}
    row = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:8]
    seed = config.get("seed") if results.seed is None else results.seed
    changed = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    inferred = {
        "content": f"{row}-{seed}",
        "row": row,
        "label": None,
        "experiment": config.get("experiment_name") or folder.parent.name,
        "scale": None,
        "seed": seed,
        "choices": {},
        "overrides": _read_overrides(folder / OVERRIDES_FILE),
        "paper": None,
        "baseline": False,
        "started": changed.isoformat(timespec="seconds"),
        "conditions": conditions_of(config),
        "earlier_conditions": [],
    }
    recorded = {key: getattr(results, key, None) for key in inferred}
    return {key: value if recorded[key] is None else recorded[key] for key, value in inferred.items()}


def _read_object(path: Path, problems: list[str]) -> dict[str, Any]:
    """A mapping from a JSON or YAML file; empty where there is none, or where it is not whole."""
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else yaml.load(text, _Loader)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        problems.append(f"{path} cannot be read ({type(error).__name__}) and was left out.")
        return {}
    if not isinstance(content, dict):
        problems.append(f"{path} holds no mapping and was left out.")
        return {}
    return content


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read_overrides(path: Path) -> list[str]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return []
    return [str(each) for each in content] if isinstance(content, list) else []


def _columns(path: Path) -> dict[str, Float64[np.ndarray, " K"]]:
    """The columns of a CSV file of numbers; a row that was cut off ends with NaN."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return {}
    names = [name for name in (rows[0] if rows else {}) if name]
    return {name: np.array([_number(row.get(name)) for row in rows], np.float64) for name in names}


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")
