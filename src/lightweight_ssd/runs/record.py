"""Run folders read back: what a run was, how it ended and what it measured, without any of the code that made it.

A folder may come from another machine, from a run that is still writing, or from one that was cut off in the middle of
a file. What cannot be read is left out and said in `problems`; nothing here ends a report because one file is broken.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from lightweight_ssd.config.earlier import brought_up_to_date
from lightweight_ssd.runs.conditions import conditions_of
from lightweight_ssd.runs.content import comparable_data, content_hash
from lightweight_ssd.runs.files import (
    CONFIG_FILE,
    ENVIRONMENT_FILE,
    ERROR_LOG,
    IDENTITY_FILE,
    OVERRIDES_FILE,
    RESULTS_FILE,
    STATUS_FILE,
    TRAIN_LOG,
)
from lightweight_ssd.runs.metrics_file import Columns, read_curves
from lightweight_ssd.runs.result_metrics import metric_of
from lightweight_ssd.runs.results import RunResults
from lightweight_ssd.runs.results_file import load_results
from lightweight_ssd.runs.run_files import Config, Environment, Identity, Status
from lightweight_ssd.runs.status import FINISHED, seen_now
from lightweight_ssd.runs.typed_file import read_list, read_mapping, without_wrong_values

__all__ = ["RunRecord", "find_runs", "flat_config", "read_run", "run_folders"]


class RunRecord(NamedTuple):
    """One run.

    Attributes:
        folder: Where it lies now.
        state: starting, running, finished, interrupted, failed, or aborted where its process ended without saying so.
        identity: What it is: `content`, `row` (hashes), `label`, `experiment`, `scale`, `seed`, `choices`, `overrides`,
            `paper`, `note`, `baseline`, `started`, `conditions`, `earlier_conditions`; every key is there, and every
            value is of its type.
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

    def metrics(self) -> Columns:
        """The columns of `metrics.csv` and `hours` of training from `times.csv`; NaN where a cell is empty.

        Returns:
            Always with `step`, `epoch` and `hours`; all of one length, 0 for a run that logged nothing.
        """
        return read_curves(self.folder)[0]


def find_runs(paths: Iterable[str | Path], unlisted: list[OSError] | None = None) -> list[RunRecord]:
    """All runs in and below the folders, by the time at which they started.

    A run's folder holds `identity.json`, or `results.json` beside `config.yaml`; what lies inside one is not searched.

    Args:
        paths: Folders of runs or of folders of runs; one that is named twice counts once.
        unlisted: Gets the error of each folder that cannot be listed, such as one of another user; it is passed over.

    Raises:
        FileNotFoundError: If one of the paths is no folder.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not os.path.isdir(path):  # noqa: PTH112  # that of Path fails where a folder above may not be entered
            raise FileNotFoundError(f"Expected a folder of runs but there is none at {path}; give one, such as runs.")
        found |= dict.fromkeys(run_folders(Path(path).resolve(), unlisted))
    return sorted(map(read_run, found), key=lambda run: (run.identity["started"], str(run.folder)))


def run_folders(root: Path, unlisted: list[OSError] | None = None) -> list[Path]:
    """The folders of runs in and below a folder; empty where there is none.

    Args:
        root: Where to begin.
        unlisted: Gets the error of each folder that cannot be listed.
    """
    folders = []
    for folder, children, files in os.walk(root, onerror=None if unlisted is None else unlisted.append):
        if IDENTITY_FILE in files or {RESULTS_FILE, CONFIG_FILE} <= set(files):
            folders.append(Path(folder))
            children.clear()
    return folders


def read_run(folder: Path) -> RunRecord:
    """Reads one run's folder, whatever is in it; see `problems` for what was left out."""
    results, problems = load_results(folder / RESULTS_FILE)
    config, identity, status, environment = (_read(folder / name, kind, problems) for name, kind in _KINDS.items())
    status = seen_now(status)
    unreadable = not status and any(str(folder / STATUS_FILE) in problem for problem in problems)
    state = status.get("state") or ("failed" if unreadable else "running" if results == RunResults() else FINISHED)
    inferred = _inferred_identity(folder, results, config)
    problems += without_wrong_values(inferred, Identity, folder / RESULTS_FILE)
    known = {key: value for key, value in identity.items() if value is not None or _NOTHING_KNOWN.get(key, "") is None}
    identity = {**_NOTHING_KNOWN, "content": str(folder), "row": str(folder), **inferred, **known}
    named = {key: identity[key] for key in ("label", "experiment", "scale") if identity[key] is not None}
    identity |= {key: str(value) for key, value in named.items()}  # YAML makes a number of an experiment called 2007
    environment = environment or _recorded_environment(results, folder)
    if state == FINISHED and metric_of(results, "map_50") is None:
        state = "failed"
        problems.append(f"{folder / RESULTS_FILE} has no mAP of a test split, although the run ended well.")
    return RunRecord(folder, state, identity, results, config, status, environment, tuple(problems))


_KINDS = {CONFIG_FILE: Config, IDENTITY_FILE: Identity, STATUS_FILE: Status, ENVIRONMENT_FILE: Environment}
_NOTHING_KNOWN = {
    "label": None, "experiment": "unknown", "scale": None, "seed": None, "choices": {}, "overrides": [],
    "paper": None, "note": None, "baseline": False, "started": "", "conditions": {},
    "earlier_conditions": [],
}  # fmt: skip


def _read(path: Path, kind: type[Struct], problems: list[str]) -> dict[str, Any]:
    content, more = read_mapping(path, kind)
    problems += more
    return content


def _recorded_environment(results: RunResults, folder: Path) -> dict[str, Any]:
    """The environment that `results.json` repeats, without values of a wrong type."""
    environment = dict(results.environment or {})
    without_wrong_values(environment, Environment, folder / RESULTS_FILE)
    return environment


def flat_config(run: RunRecord) -> dict[str, Any]:
    """What the run computes, as one flat mapping from dotted keys to values, the seed included.

    Left out is what its content hash leaves out, and what is only another group written out in a second place
    (`detector.neck` is `neck`). What earlier versions called otherwise has today's name. The run folder's own path
    reads `RUN`, and a key of `data` that the run's version did not know has its neutral value.
    """
    home = str(run.config.get("run_dir") or run.folder)
    config = brought_up_to_date(run.config)
    if isinstance(config.get("data"), dict):
        config = {**config, "data": comparable_data(config["data"])}
    groups = {key: value for key, value in config.items() if isinstance(value, dict)}
    flat: dict[str, Any] = {}
    for key, value in _leaves(config, groups):
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
        "overrides": read_list(folder / OVERRIDES_FILE),
        "paper": None,
        "note": None,
        "baseline": False,
        "started": changed.isoformat(timespec="seconds"),
        "conditions": conditions_of(config),
        "earlier_conditions": [],
    }
    recorded = {key: getattr(results, key, None) for key in inferred}
    return {key: value if recorded[key] is None else recorded[key] for key, value in inferred.items()}
