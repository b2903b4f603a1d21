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
from lightweight_ssd.system.json_file import write_json

__all__ = [
    "AXES",
    "choose_run_dir",
    "content_hash",
    "newest_run_dir",
    "next_run_dir",
    "not_content",
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


def content_hash(config: dict[str, Any]) -> str:
    """Eight hexadecimal digits of what a run computes.

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
    if isinstance(data := kept.get("data"), dict) and data.get("cache") == "ram" and "data.cache" not in counted:
        kept["data"] = {**data, "cache": "disk"}  # the same images, kept elsewhere
    return hashlib.sha256(json.dumps(_class_names(kept), sort_keys=True, default=str).encode()).hexdigest()[:8]


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
    return max(_of_content(experiment_dir, content), key=_number, default=None)


def next_run_dir(experiment_dir: Path, name: str) -> Path:
    """A folder of this name that is not taken: numbered from the second of its content on."""
    taken = [_number(folder) for folder in _of_content(experiment_dir, name.rpartition("-")[2])]
    return experiment_dir / (f"{name}-{max(taken) + 1}" if taken else name)


def _of_content(experiment_dir: Path, content: str) -> list[Path]:
    pattern = re.compile(rf"-{re.escape(content)}(-\d+)?$")
    return [folder for folder in experiment_dir.glob(f"*-{content}*") if pattern.search(folder.name)]


def choose_run_dir(runs: Path, experiment: str, name: str, resume: str) -> tuple[Path, Path | None]:
    """Decides where a run writes and from which checkpoint it goes on.

    Args:
        runs: Folder of all runs.
        experiment: Folder below it.
        name: Slug and hash of the run.
        resume: `never` = a folder of its own, numbered if the name is taken; `auto` = the newest folder of this name
            that holds a last checkpoint; else the path of a checkpoint file.

    Returns:
        The run's folder, not yet made, and the checkpoint or None.

    Raises:
        FileNotFoundError: If `resume` names a file that is not there.
    """
    if resume == "auto":
        taken = _of_content(runs / experiment, name.rpartition("-")[2])
        for folder in sorted(taken, key=_number, reverse=True):
            if (folder / LAST_CHECKPOINT).is_file() or read_status(folder).get("state") == FINISHED:
                checkpoint = folder / LAST_CHECKPOINT
                return folder, checkpoint if checkpoint.is_file() else None
    elif resume != "never":
        checkpoint = Path(resume).absolute()
        if not checkpoint.is_file():
            raise FileNotFoundError(f"resume={resume} is not a checkpoint file; give never, auto or the path of one.")
        return checkpoint.parent.parent, checkpoint
    return next_run_dir(runs / experiment, name), None


def _number(folder: Path) -> int:
    match = re.search(r"-[0-9a-f]{8}-(\d+)$", folder.name)
    return int(match[1]) if match else 1


def write_provenance(
    run_dir: Path, config: dict[str, Any], overrides: list[str], identity: dict[str, Any] | None = None
) -> None:
    """Writes what is needed to repeat the run: `config.yaml`, `overrides.yaml`, `environment.json`, `identity.json`."""
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / CONFIG_FILE).write_text(yaml.safe_dump(config, sort_keys=False))
    (run_dir / OVERRIDES_FILE).write_text(yaml.safe_dump(overrides))
    write_json(run_dir / ENVIRONMENT_FILE, environment())
    write_json(run_dir / IDENTITY_FILE, identity or {})
