"""`lssd data convert`: a data set in VOC's format as COCO's, or the other way round."""

import shlex
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.config.arguments import call
from lightweight_ssd.config.bare_arguments import data_key

if TYPE_CHECKING:
    from lightweight_ssd.curation.convert import DataConversion, SplitContents

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd data convert`."""
    run_application(_run, "data_convert", "lssd data convert", data_key)


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.curation.convert import data_convert

    print(_summary(call(data_convert, cfg)))


def _summary(done: "DataConversion") -> str:
    counts = [f"{name}: {split.images:,} images, {_objects(split)}" for name, split in done.splits.items()]
    lines = [*counts, f"written to {done.output}", *_skipped(done)]
    if not done.with_images:
        lines.append(f"the images are still to be put into {done.image_folder}")
    if done.missing:
        names, options = " and ".join(done.missing), " and ".join(f"data.{split}" for split in done.missing)
        return "\n".join([*lines, f"to train on it, convert {names} too, or set {options} to files of your own"])
    return "\n".join([*lines, "use it with", f"  lssd train {' '.join(map(shlex.quote, done.overrides))}"])


def _skipped(done: "DataConversion") -> list[str]:
    problems = sum(len(split.skipped) for split in done.splits.values())
    if not problems:
        return []
    because = "1 problem" if problems == 1 else f"{problems:,} problems"
    return [f"images were skipped because of {because} (data.on_bad=skip), see {done.output / 'skipped.txt'}"]


def _objects(split: "SplitContents") -> str:
    """How many there are; crowd regions are not among them, since a detector need not find those."""
    objects, regions = f"{split.objects:,} objects", split.crowd_regions
    return f"{objects}, {regions:,} crowd region{'s' if regions > 1 else ''}" if regions else objects
