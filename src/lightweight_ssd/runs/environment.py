"""What a run was computed with: commit, interpreter, machine, versions."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["environment"]

_SOURCES = (":/src", ":/conf", ":/pyproject.toml")  # of the checkout; what else lies in it changes no metric


def environment() -> dict[str, Any]:
    """Commit, interpreter, machine and the versions of the packages that metrics depend on."""
    names = ("lightweight-ssd", "torch", "torchvision", "lightning", "hydra-core", "albumentations", "numpy")
    names += ("opencv-python-headless", "torchmetrics", "faster-coco-eval", "timm", "wandb")
    return {
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--", *_SOURCES)),
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
