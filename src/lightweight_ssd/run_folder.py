"""Where a run keeps its files: a folder named by what it computes, so that the same command finds it again."""

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from lightweight_ssd.status import FINISHED, read_status, write_json

__all__ = ["ENVIRONMENT_FILE", "LAST_CHECKPOINT", "choose_run_dir", "content_hash", "slug", "write_provenance"]

LAST_CHECKPOINT = Path("checkpoints") / "last.ckpt"
ENVIRONMENT_FILE = "environment.json"

# What does not change the figures of a run: where things lie, what is logged, on what hardware it runs.
_NOT_CONTENT = {
    "": ("run_dir", "runs", "resume", "logger", "pictures", "compile", "channels_last", "num_workers"),
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
        config: Resolved configuration, plain containers, with `run_dir` still null.

    Returns:
        The same digits for the same content, wherever it lies, is logged and runs.
    """
    kept = {key: value for key, value in config.items() if key not in _NOT_CONTENT[""]}
    for group, keys in _NOT_CONTENT.items():
        if isinstance(kept.get(group), dict):
            kept[group] = {key: value for key, value in kept[group].items() if key not in keys}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:8]


def slug(seed: int, choices: dict[str, str], longest: int = 80) -> str:
    """A readable name for a run folder, with nothing in it that a shell or a file system would trip over.

    Example:
        >>> slug(0, {"backbone": "mblitenet", "neck": "cfpn", "loss": "bll", "augment": "basic"})
        'mblitenet-cfpn-bll-basic-seed0'
    """
    parts = [choices[axis] for axis in ("backbone", "neck", "loss", "augment") if choices.get(axis)]
    name = "-".join([*parts, f"seed{seed}"])
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:longest]


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
    taken = sorted((runs / experiment).glob(f"{name}*"), key=_number)
    if resume == "auto":
        for folder in reversed(taken):
            if (folder / LAST_CHECKPOINT).is_file() or read_status(folder).get("state") == FINISHED:
                checkpoint = folder / LAST_CHECKPOINT
                return folder, checkpoint if checkpoint.is_file() else None
    elif resume != "never":
        checkpoint = Path(resume).absolute()
        if not checkpoint.is_file():
            raise FileNotFoundError(f"resume={resume} is not a checkpoint file; give never, auto or the path of one.")
        return checkpoint.parent.parent, checkpoint
    number = _number(taken[-1]) + 1 if taken else 1
    return runs / experiment / (name if number == 1 else f"{name}-{number}"), None


def _number(folder: Path) -> int:
    match = re.search(r"-[0-9a-f]{8}-(\d+)$", folder.name)
    return int(match[1]) if match else 1


def write_provenance(run_dir: Path, config: dict[str, Any], overrides: list[str]) -> None:
    """Writes what is needed to repeat the run: `config.yaml`, `overrides.yaml` and `environment.json`."""
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (run_dir / "overrides.yaml").write_text(yaml.safe_dump(overrides))
    write_json(run_dir / ENVIRONMENT_FILE, environment())


def environment() -> dict[str, Any]:
    """Commit, interpreter, machine and the versions of the packages that figures depend on."""
    names = ("lightweight-ssd", "torch", "torchvision", "lightning", "hydra-core", "albumentations", "numpy")
    names += ("opencv-python-headless", "torchmetrics", "timm", "wandb")
    return {
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain")),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: _version(name) for name in names},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    """Asks git about the checkout that holds this package; None where there is no checkout or no git."""
    try:
        answer = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
