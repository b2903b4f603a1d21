"""`lssd predict`: a checkpoint's detections on images, drawn and as JSON."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.config.arguments import call

if TYPE_CHECKING:  # torch and albumentations take seconds to import, which `--help` should not
    from lightweight_ssd.prediction.predict import Predictions

__all__ = ["main", "summary"]


def main() -> None:
    """Entry point of `lssd predict`; ends with code 1 if an image could not be read."""
    run_application(_run, "predict", "lssd predict", _key, several="source")


def _key(argument: str) -> str:
    """A checkpoint file or the folder of a run is the checkpoint, all else is what to look at."""
    path = Path(argument)
    return "checkpoint" if path.suffix == ".ckpt" or (path / "checkpoints").is_dir() else "source"


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.prediction.predict import predict

    done = call(predict, cfg)
    print(summary(done, cfg.score_threshold))
    if done.skipped:
        count = f"{len(done.skipped)} of {len(done.skipped) + len(done.found)} images"
        print(f"lssd predict: skipped {count}, named above.", file=sys.stderr)
        raise SystemExit(1)


def summary(done: "Predictions", score_threshold: float) -> str:
    """What the terminal shows of `predict`."""
    total, count = len(done.found) + len(done.skipped), sum(map(len, done.found))
    return (
        f"{len(done.found)} of {total} images, {count} detections above score {score_threshold:g}\n"
        f"pictures:    {done.output}\ndetections:  {done.file}"
    )
