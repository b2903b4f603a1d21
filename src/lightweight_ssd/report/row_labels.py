"""What the rows of a table are called: by their label, by what was typed for them, or by their parts."""

from collections import Counter
from collections.abc import Iterable

from lightweight_ssd.runs.folder import AXES
from lightweight_ssd.runs.record import RunRecord

__all__ = ["row_labels", "tellings", "unique_names"]

# Overrides that say where, on what and how often, not which row.
_NAMELESS = {
    "experiment", "scale", "seed", "row", "trainer", "logger", "runs", "run_dir", "resume", "rerun", "objective",
    "pictures", "compile", "channels_last", "num_workers", "latency", "gray_test", "coco_metric", "trainer.accelerator",
    "trainer.devices", "trainer.num_nodes", "trainer.strategy", "data.root", "data.cache_dir", "data.num_threads",
    "content",
}  # fmt: skip


def row_labels(groups: list[list[RunRecord]]) -> list[str]:
    """The label that a table gives its row, with what a sweep varied beside it; else what was typed, else its parts."""
    labels = []
    for group, telling in zip(groups, tellings(groups), strict=True):
        identity = group[0].identity
        choices = [identity["choices"].get(axis) for axis in AXES]
        varied = [each for each in telling if not _names_a_row(each)]
        given = " ".join([identity["label"], *varied]) if identity["label"] else " ".join(telling)
        labels.append(given or "-".join(filter(None, choices)) or identity["row"])
    return labels


def tellings(groups: list[list[RunRecord]]) -> list[list[str]]:
    """What was typed for each row, without what all rows of its experiment have."""
    typed = [_typed(group[0]) for group in groups]
    tellings = []
    for group, overrides in zip(groups, typed, strict=True):
        peers = [each for other, each in zip(groups, typed, strict=True) if _experiment(other) == _experiment(group)]
        common = set(peers[0]).intersection(*peers) if len(peers) > 1 else set()
        tellings.append([each for each in overrides if each not in common])
    return tellings


def _typed(run: RunRecord) -> list[str]:
    """The overrides that name the row: those that do so anywhere, and those that the run's own sweep varied."""
    varied = {*(run.config.get("content") or ())} - {"row"}
    return [each for each in run.identity["overrides"] if _names_a_row(each) or _key(each) in varied]


def _experiment(group: list[RunRecord]) -> str:
    return group[0].identity["experiment"]


def _names_a_row(override: str) -> bool:
    """Whether an override, as it was typed, says which row this is.

    Example:
        >>> [each for each in ("neck=fpn", "seed=1", "+hydra.x=1", "~callbacks.ema") if _names_a_row(each)]
        ['neck=fpn', '~callbacks.ema']
    """
    key = _key(override)
    return key not in _NAMELESS and key.split(".")[0].split("/")[0] not in ("hydra", "logger", "row")


def _key(override: str) -> str:
    return override.lstrip("+~").split("=", 1)[0]


def unique_names(names: Iterable[str], *more: list[str]) -> list[str]:
    """Adds what else is known, in brackets, to names that occur more than once, and a number as the last resort.

    Example:
        >>> unique_names(["FPN", "FPN", "SSD"], ["table3", "table4", "table3"])
        ['FPN (table3)', 'FPN (table4)', 'SSD']
    """
    unique = list(names)
    for known in more:
        values: dict[str, set[str]] = {}
        for name, each in zip(unique, known, strict=True):
            values.setdefault(name, set()).add(each)
        unique = [
            f"{name} ({each})" if each and len(values[name]) > 1 else name
            for name, each in zip(unique, known, strict=True)
        ]
    seen: Counter[str] = Counter()
    for place, name in enumerate(unique):
        seen[name] += 1
        unique[place] = name if seen[name] == 1 else f"{name} #{seen[name]}"
    return unique
