"""`lssd export`: a checkpoint as a file that a device runs."""

from typing import TYPE_CHECKING

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.config.arguments import call
from lightweight_ssd.system.disk_space import format_bytes

if TYPE_CHECKING:  # torch takes seconds to import, which `--help` should not
    from lightweight_ssd.export.export import Exported

__all__ = ["main", "summary"]


def main() -> None:
    """Entry point of `lssd export`."""
    run_application(_run, "export", "lssd export", lambda _: "checkpoint")


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.export.export import export

    print(summary(call(export, cfg)))


def summary(done: "Exported") -> str:
    """What the terminal shows of an export."""
    card, difference = done.card, done.difference
    height, width = card.image_size
    size = format_bytes(sum(path.stat().st_size for path in done.files if path.suffix != ".json"))
    batch = "any number of images" if card.batch is None else f"{card.batch} image{'s' * (card.batch > 1)}"
    lines = [
        f"{done.file}: {card.format}, {card.precision}, {size}, {batch} of {width}×{height}, {card.input}",
        f"difference from the checkpoint on {difference.images} images: boxes {difference.pixels:.2g} pixels, scores "
        f"{difference.score:.2g}",
    ]
    if done.accuracy:
        split, checkpoint, file = done.accuracy
        lines.append(f"mAP@0.5 on {split}: checkpoint {checkpoint:.1%}, file {file:.1%}")
    lines.append(f"try it: lssd predict {done.file} photos")
    return "\n".join(lines)
