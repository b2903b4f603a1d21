"""What may move a metric although it is no part of a run's name, and a test set that also chose the checkpoint."""

import json
from collections.abc import Sequence
from typing import Any

from lightweight_ssd.report.rows import Row, listed
from lightweight_ssd.runs.files import BEST_CHECKPOINT
from lightweight_ssd.runs.record import RunRecord

__all__ = ["chosen_on_test", "chosen_on_test_note", "condition_notes"]

_FROM_CONFIG = {"compile": ("compile",), "channels_last": ("channels_last",), "precision": ("trainer", "precision")}


def condition_notes(rows: Sequence[Row]) -> list[str]:
    """One note where runs differ in compilation, memory order, precision or the content of their data.

    Args:
        rows: Rows with finished runs.
    """
    known = [(row, _conditions(run)) for row in rows for run in row.finished]
    names = dict.fromkeys(name for _, conditions in known for name in conditions)
    said = [text for name in names if (text := _differing(name, known))]
    if not said:
        return []
    return [f"The runs differ in conditions that are not part of their names: {'; '.join(said)}."]


def chosen_on_test(row: Row) -> bool:
    """Whether the images that chose a checkpoint of the row are those that it was tested on."""
    return any(_validated_on_test(run) for run in row.finished)


def chosen_on_test_note(rows: Sequence[Row]) -> list[str]:
    """A note that names the rows of which that holds."""
    marked = [row.label for row in rows if chosen_on_test(row)]
    if not marked:
        return []
    which = "all rows" if len(marked) == len(rows) and len(rows) > 1 else listed(marked)
    return [
        f"† The checkpoint was chosen on the images that it is tested on: {which}. Validation and test are the same "
        "images, so test mAP is a little too high."
    ]


def _conditions(run: RunRecord) -> dict[str, str]:
    """By name; of a run that recorded none, what its configuration says."""
    found = dict(run.identity["conditions"]) or {
        name: _at(run.config, keys) for name, keys in _FROM_CONFIG.items() if _at(run.config, keys) is not None
    }
    if digests := run.results.data and run.results.data.digests:
        found.pop("data.root", None)  # where the same data lie changes nothing
        found["data"] = " ".join(str(digests[split]) for split in sorted(digests))
    return {name: value if isinstance(value, str) else json.dumps(value, default=str) for name, value in found.items()}


def _differing(name: str, known: Sequence[tuple[Row, dict[str, str]]]) -> str | None:
    """Each value of one condition with the rows that have it, None where all have the same."""
    rows: dict[str, dict[str, None]] = {}
    for row, conditions in known:
        rows.setdefault(conditions.get(name, "unknown"), {})[row.label] = None
    if len(rows) < 2 or set(rows) == {"unknown"}:
        return None
    values = (f"{value}: {listed(list(labels))}" for value, labels in rows.items())
    return f"{name} ({'; '.join(values)})"


def _at(config: dict[str, Any], keys: Sequence[str]) -> Any:
    node: Any = config
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node


def _validated_on_test(run: RunRecord) -> bool:
    """By the digests of what is annotated, else by the lists of the configuration; not where no validation chose."""
    if not str(run.results.checkpoint or "").endswith(BEST_CHECKPOINT.name):
        return False
    digests = (run.results.data and run.results.data.digests) or {}
    if digests.get("val") and digests.get("test"):
        return digests["val"] == digests["test"]
    val, test = (_at(run.config, ("data", split)) for split in ("val", "test"))
    return bool(val) and val == test
