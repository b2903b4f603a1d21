"""Whether a checkpoint to resume from is one of the run that is asked for, and in words what differs if it is not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightweight_ssd.checkpoint.load import load_checkpoint
from lightweight_ssd.config.batch_split import AUTO
from lightweight_ssd.runs.record import RunRecord, flat_config
from lightweight_ssd.runs.results import RunResults

__all__ = ["check_same_classes", "check_same_run"]

# A run may go on for longer than was planned, be logged or stopped otherwise, and be called otherwise.
_MAY_DIFFER = ("trainer.max_epochs", "trainer.max_steps", "experiment_name", "callbacks.", "deterministic", "init_from")
_TARGET = "._target_"
_SHOWN = 3


def check_same_run(config: Mapping[str, Any], path: Path) -> None:
    """Refuses the checkpoint of another run: its weights may not fit, and its steps were made with other settings.

    Args:
        config: That is asked for, resolved.
        path: Checkpoint file.

    Raises:
        ValueError: It was trained with other settings; or it is no checkpoint.
        FileNotFoundError: There is no such file.
    """
    parameters = load_checkpoint(path)["hyper_parameters"]
    differing = _differences(config, parameters["config"])
    if differing:
        more = f", and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
        raise ValueError(_sentence(path, f"{', '.join(differing[:_SHOWN])}{more}"))


def check_same_classes(class_names: Sequence[str], path: Path) -> None:
    """Refuses a checkpoint of other classes than the data has.

    Args:
        class_names: Of the data.
        path: Checkpoint file.

    Raises:
        ValueError: The classes differ.
    """
    trained = list(load_checkpoint(path)["hyper_parameters"].get("class_names") or class_names)
    if trained != list(class_names):
        raise ValueError(_sentence(path, f"classes {_listed(trained)} (now {_listed(class_names)})"))


def _sentence(path: Path, what: str) -> str:
    return (
        f"Expected a checkpoint of the same run to resume but {path} was trained with {what}: give the same settings, "
        f"or init_from={path} to start a new run from its weights."
    )


def _differences(asked: Mapping[str, Any], trained: Mapping[str, Any]) -> list[str]:
    """Settings in which two configurations differ, the parts of the detector first; a part that differs stands alone.

    What only one of them knows is passed over: an older version had no such setting, or it belongs to another part.
    """
    now, before = _flat(asked), _flat(trained)
    if asked.get("anchors") == AUTO:  # what is asked for is where the fit of the checkpoint began
        now.pop("detector.anchors.levels", None)
    keys = [key for key in before if key in now and now[key] != before[key] and not key.startswith(_MAY_DIFFER)]
    parts = tuple(key.removesuffix("_target_") for key in keys if key.endswith(_TARGET))
    shown = [key for key in keys if key.endswith(_TARGET) or not key.startswith(parts)]
    shown.sort(key=lambda key: (not key.endswith(_TARGET), key.count(".")))
    texts = {key: f"{str(before[key])[:40]} (now {str(now[key])[:40]})" for key in shown}
    # The same value often stands in a second place, as batch_size does in the data module
    once = {(_name(key), text): key for key, text in reversed(texts.items())}
    return [f"{key.removesuffix(_TARGET)}={text}" for key, text in texts.items() if once[_name(key), text] == key]


def _name(key: str) -> str:
    return key if key.endswith(_TARGET) else key.rpartition(".")[2]


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Only what a run computes, by dotted key."""
    flat = flat_config(RunRecord(Path("RUN"), "", {}, RunResults(), dict(config), {}, {}))
    return {key: value.rpartition(".")[2] if key.endswith(_TARGET) else value for key, value in flat.items()}


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:4])}{', …' if len(names) > 4 else ''}"
