"""`lssd predict`: a trained detector's detections on images and videos, drawn and in files."""

import difflib
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from lightweight_ssd.commands.application import as_exit, run_application
from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.arguments import call
from lightweight_ssd.config.bare_arguments import bare_arguments
from lightweight_ssd.prediction.sources import is_surely_source
from lightweight_ssd.runtimes.runtime import is_exported
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
    with one_sentence_errors("lssd predict"), as_exit("lssd predict"):
        _expect_detector(sys.argv[1:])
    run_application(_run, "predict", "lssd predict", _key, several="source")


def _key(argument: str) -> str:
    """An exported file is the model, a checkpoint file or the folder of a run the checkpoint, all else a source."""
    path = Path(argument)
    if is_exported(path) and not path.is_dir():
        return "model"
    return "checkpoint" if path.suffix == ".ckpt" or _is_run(path) else "source"


def _is_run(path: Path) -> bool:
    return (path / "checkpoints").is_dir()


def _expect_detector(arguments: Sequence[str]) -> None:
    """Refuses `RUN PHOTOS` where RUN is none: it would be taken for one more source.

    Raises:
        ValueError: With what is meant to be the run, and a run nearby.
    """
    bare, rest = bare_arguments(arguments, "predict")
    given = any(each.startswith(("checkpoint=", "model=")) for each in rest)
    if given or any(_key(each) != "source" for each in bare):
        return
    folders = [each for each in bare if not is_surely_source(each)]
    missing = [each for each in folders if not Path(each).exists()]
    has_source = len(bare) > 1 or any(each.startswith("source=") for each in rest)
    if (missing or has_source) and folders:
        name = (missing or folders)[0]
        raise ValueError(f"Expected a run, a checkpoint or an exported file but {name} is none; {_advice(Path(name))}")


def _advice(path: Path) -> str:
    """A run inside a folder of runs, or the one that is called nearly like this."""
    folder = path if path.is_dir() else path.parent
    runs = sorted(each.name for each in folder.iterdir() if _is_run(each)) if folder.is_dir() else []
    if path.is_dir():
        return f"give one of the runs in it, such as {path / runs[-1]}." if runs else "give checkpoint=RUN."
    near = difflib.get_close_matches(path.name, runs, 1, cutoff=0.5)
    return f"did you mean {folder / near[0]}?" if near else "there is no such file or folder."


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
    found = f"{done.detections} detections above score {score_threshold:g}"
    hint = f"; score_threshold={score_threshold / 3:.1g} shows those that score less" if not done.detections else ""
    lines = [f"{read}, {found}{hint if score_threshold else ''}", *map(_of_video, done.videos)]
    width = max(map(len, _TITLES.values())) + 2
    lines += [f"{_TITLES[kind] + ':':{width}}{place}" for kind, place in done.files.items()]
    return "\n".join(lines)


def _of_video(video: "VideoSummary") -> str:
    speed = f", looked at {video.frames / video.took:.1f} a second" if video.took else ""
    return printable(f"{video.source}: {video.frames} frames, {video.rate:.4g} a second of the video{speed}")
