"""Where a run keeps its files: a folder named by what it computes, so that the same command finds it again."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from lightweight_ssd.runs.environment import environment
from lightweight_ssd.runs.files import CONFIG_FILE, ENVIRONMENT_FILE, IDENTITY_FILE, LAST_CHECKPOINT, OVERRIDES_FILE
from lightweight_ssd.runs.status import FINISHED, read_status
from lightweight_ssd.system.atomic_write import write_atomic
from lightweight_ssd.system.json_file import write_json

__all__ = [
    "AXES",
    "comparable_data",
    "content_hash",
    "data_content",
    "folders_of_content",
    "newest_run_dir",
    "next_run_dir",
    "not_content",
    "resumable_run_dir",
    "run_dir_of",
    "slug",
    "write_provenance",
]

AXES = ("backbone", "neck", "loss", "augment")
"""Config groups whose options name a run: the parts that an ablation varies."""

# What does not change the results of a run: where things lie, what is logged, on what hardware it runs.
_NOT_CONTENT = {
    "": (
        "run_dir", "runs", "resume", "rerun", "objective", "row", "logger", "pictures", "compile", "channels_last",
        "num_workers", "gray_test", "coco_metric", "latency", "default_epochs",
    ),
    "data": ("root", "cache_dir", "num_threads"),
    "datamodule": ("source", "num_workers"),  # its source stands under data
    "trainer": (
        "accelerator", "devices", "num_nodes", "strategy", "enable_progress_bar", "enable_model_summary",
        "log_every_n_steps", "profiler", "use_distributed_sampler",
    ),
}  # fmt: skip

# Keys of `data` that were added after the first release, each with the value at which the data is read as it was before
# the key existed.
_NEUTRAL: dict[str, Any] = {
    "classes": None, "other_classes": "background", "empty_images": "keep", "val_share": None, "split": None,
    "origin": "auto", "images": None, "annotations": None,
}  # fmt: skip
# `class_names` null of `data=voc`: these, which its configuration spelled out up to 0.2
_VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


def content_hash(config: dict[str, Any]) -> str:
    """Eight hexadecimal digits of what a run computes.

    A key of `data` at its neutral value does not count, so a new key leaves the runs of earlier versions findable. What
    is neutral stands in a table of its own and is not the key's default: a default may change, and the same digits
    would then stand for two contents. The table only grows, and a value in it never gets another meaning.

    Args:
        config: Resolved configuration, plain containers, with `run_dir` still null. Its `content` names settings that
            count in this run although they do not change results as a rule, such as `trainer.devices`.

    Returns:
        The same digits for the same content, wherever it lies, is logged and runs.
    """
    counted = set(config.get("content") or ())
    kept = {key: value for key, value in config.items() if key not in _NOT_CONTENT[""] or key in counted}
    for group, keys in _NOT_CONTENT.items():
        if isinstance(kept.get(group), dict) and group not in counted:
            dropped = {key for key in keys if f"{group}.{key}" not in counted}
            kept[group] = {key: value for key, value in kept[group].items() if key not in dropped}
    if isinstance(data := kept.get("data"), dict):
        same = {"cache": "disk"} if data.get("cache") == "ram" and "data.cache" not in counted else {}  # kept elsewhere
        said = comparable_data({**data, **same})
        kept["data"] = {key: value for key, value in said.items() if key not in _NEUTRAL or value != _NEUTRAL[key]}
    return hashlib.sha256(json.dumps(_class_names(kept), sort_keys=True, default=str).encode()).hexdigest()[:8]


def comparable_data(data: dict[str, Any]) -> dict[str, Any]:
    """The node `data` of any version as today's would say it: keys that it does not know have their neutral value."""
    names = {"class_names": list(_VOC_CLASSES)} if _is_voc(data) and data.get("class_names") is None else {}
    return {**_NEUTRAL, **data, **names}


def data_content(data: dict[str, Any]) -> dict[str, Any]:
    """The node `data` as it is written, without what does not count: where things lie and how they are read."""
    return {key: value for key, value in data.items() if key not in _NOT_CONTENT["data"]}


def _is_voc(data: dict[str, Any]) -> bool:
    return str(data.get("_target_")).rpartition(".")[2] == "VOC"


def _class_names(node: Any) -> Any:
    """The same with the class alone in each `_target_`: where its module lies changes nothing that a run computes."""
    if isinstance(node, dict):
        kept = {key: _class_names(value) for key, value in node.items()}
        return kept | {"_target_": str(node["_target_"]).rpartition(".")[2]} if node.get("_target_") else kept
    return [_class_names(item) for item in node] if isinstance(node, list | tuple) else node


def not_content(keys: Iterable[str]) -> list[str]:
    """Those of the keys that the hash leaves out; what a sweep varies must count, or its jobs would be taken for one.

    Example:
        >>> not_content(["trainer.devices", "neck", "trainer", "compile"])
        ['compile', 'trainer', 'trainer.devices']
    """
    left_out = {f"{group}.{key}" if group else key for group, names in _NOT_CONTENT.items() for key in names}
    left_out = (left_out | {"trainer", "data.cache"}) - {"row"}  # a row of a table chooses parts, and these count
    return sorted(set(keys) & left_out)


def slug(seed: int, choices: dict[str, str], overrides: Sequence[str] = (), longest: int = 80) -> str:
    """A readable name for a run folder, with nothing in it that a shell or a file system would trip over.

    Args:
        seed: Of the run.
        choices: Option per config group.
        overrides: As typed; those of parts (`neck.circles=3`) become part of the name.
        longest: Characters.

    Example:
        >>> choices = {"backbone": "mblitenet", "neck": "cfpn", "loss": "bll", "augment": "basic"}
        >>> slug(0, choices, ["neck=cfpn", "neck.circles=3", "seed=0"])
        'mblitenet-cfpn-bll-basic-circles3-seed0'
    """
    parts = [choices[axis] for axis in AXES if choices.get(axis)]
    settings = [override.lstrip("+").partition("=") for override in overrides]
    shown = [f"{key.rpartition('.')[2]}{value[:16]}" for key, _, value in settings if key.split(".")[0] in _shown(key)]
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", "-".join([*parts, *shown]))
    return f"{name[: longest - 12]}-seed{seed}"


def _shown(key: str) -> tuple[str, ...]:
    """Groups whose settings are part of a name; the choice of a whole group is in it already."""
    return (*AXES, "detector", "classification", "optim") if "." in key else ()


def newest_run_dir(experiment_dir: Path, content: str) -> Path | None:
    """The newest folder of this content, whatever it is called; None where there is none."""
    return max(folders_of_content(experiment_dir, content), key=_number, default=None)


def next_run_dir(experiment_dir: Path, name: str) -> Path:
    """A folder of this name that is not taken: numbered from the second of its content on."""
    taken = [_number(folder) for folder in folders_of_content(experiment_dir, name.rpartition("-")[2])]
    return experiment_dir / (f"{name}-{max(taken) + 1}" if taken else name)


def folders_of_content(experiment_dir: Path, content: str) -> list[Path]:
    """All folders of this content, whatever they are called."""
    pattern = re.compile(rf"-{re.escape(content)}(-\d+)?$")
    return [folder for folder in experiment_dir.glob(f"*-{content}*") if pattern.search(folder.name)]


def resumable_run_dir(experiment_dir: Path, content: str) -> Path | None:
    """The newest folder of this content that is finished or holds a last checkpoint; None where there is none."""
    for folder in sorted(folders_of_content(experiment_dir, content), key=_number, reverse=True):
        if (folder / LAST_CHECKPOINT).is_file() or read_status(folder).get("state") == FINISHED:
            return folder
    return None


def run_dir_of(checkpoint: Path) -> Path | None:
    """The run folder that a checkpoint lies in; None for one that was copied elsewhere."""
    run_dir = checkpoint.parent.parent
    inside = checkpoint.parent.name == LAST_CHECKPOINT.parent.name and (run_dir / CONFIG_FILE).is_file()
    return run_dir if inside else None


def _number(folder: Path) -> int:
    match = re.search(r"-[0-9a-f]{8}-(\d+)$", folder.name)
    return int(match[1]) if match else 1


def write_provenance(
    run_dir: Path, config: dict[str, Any], overrides: list[str], identity: dict[str, Any] | None = None
) -> None:
    """Writes what is needed to repeat the run: `config.yaml`, `overrides.yaml`, `environment.json`, `identity.json`."""
    run_dir.mkdir(parents=True, exist_ok=True)
    write_atomic(run_dir / CONFIG_FILE, yaml.safe_dump(config, sort_keys=False).encode())
    write_atomic(run_dir / OVERRIDES_FILE, yaml.safe_dump(overrides).encode())
    write_json(run_dir / ENVIRONMENT_FILE, environment())
    write_json(run_dir / IDENTITY_FILE, identity or {})
