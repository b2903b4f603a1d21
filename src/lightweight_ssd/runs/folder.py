"""Where a run keeps its files: a folder named by what it computes, so that the same command finds it again."""

import re
from collections.abc import Sequence
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
    "folders_of_content",
    "newest_run_dir",
    "next_run_dir",
    "resumable_run_dir",
    "run_dir_of",
    "slug",
    "write_provenance",
]

AXES = ("backbone", "neck", "loss", "augment")
"""Config groups whose options name a run: the parts that an ablation varies."""


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
