"""`lssd predict`: a checkpoint's detections on images and videos, drawn and in files."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.config.arguments import call
from lightweight_ssd.system.plain_text import printable

if TYPE_CHECKING:  # torch and albumentations take seconds to import, which `--help` should not
    from lightweight_ssd.prediction.predict import Predictions, VideoSummary

__all__ = ["main", "summary"]

_TITLES = {
    "images": "pictures", "json": "detections", "coco": "COCO results", "csv": "table", "yolo": "YOLO labels",
    "crops": "crops",
}  # fmt: skip


def main() -> None:
    """Entry point of `lssd predict`; ends with code 1 if an image or a video could not be read."""
    run_application(_run, "predict", "lssd predict", _key, several="source")


def _key(argument: str) -> str:
    """A checkpoint file or the folder of a run is the checkpoint, all else is what to look at."""
    path = Path(argument)
    return "checkpoint" if path.suffix == ".ckpt" or (path / "checkpoints").is_dir() else "source"


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.prediction.predict import predict

    done = call(partial(predict, collect=False), cfg)
    print(summary(done, cfg.score_threshold))
    if done.skipped:
        what = "images and videos" if done.videos else "images"
        count = f"{len(done.skipped)} of {len(done.skipped) + done.images + len(done.videos)} {what}"
        print(f"lssd predict: skipped {count}, named above.", file=sys.stderr)
        raise SystemExit(1)


def summary(done: "Predictions", score_threshold: float) -> str:
    """What the terminal shows of `predict`."""
    total = done.images + len(done.videos) + len(done.skipped)
    read = f"{done.images + len(done.videos)} of {total} {'images and videos' if done.videos else 'images'}"
    lines = [f"{read}, {done.detections} detections above score {score_threshold:g}", *map(_of_video, done.videos)]
    width = max(map(len, _TITLES.values())) + 2
    lines += [f"{_TITLES[kind] + ':':{width}}{place}" for kind, place in done.files.items()]
    return "\n".join(lines)


def _of_video(video: "VideoSummary") -> str:
    speed = f", looked at {video.frames / video.took:.1f} a second" if video.took else ""
    return printable(f"{video.source}: {video.frames} frames, {video.rate:.4g} a second of the video{speed}")
