"""`lssd data prepare`: downloads a public data set, checks it and unpacks it, ready to train on."""

import shlex
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.config.arguments import call

if TYPE_CHECKING:
    from lightweight_ssd.curation.prepare import DataPreparation

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd data prepare`: what to prepare may stand first, without its key."""
    run_application(_run, "data_prepare", "lssd data prepare", lambda _: "download")


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.curation.prepare import data_prepare  # requests takes a while, which `--help` should not

    print(_summary(call(data_prepare, cfg)))


def _summary(done: "DataPreparation") -> str:
    lines = [] if done.prepared else ["Everything is in place already; nothing was done."]
    if done.overrides is None:
        lines.append(f"To train on it, more of it is needed: {', '.join(done.missing)}.")
    else:
        lines.append(f"Train on it:  lssd train {' '.join(map(shlex.quote, done.overrides))}")
    return "\n".join(lines)
