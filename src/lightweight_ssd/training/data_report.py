"""What a run says of its data before the first step, and the record of how images were divided."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.summary import describe_splits
from lightweight_ssd.runs.files import SPLIT_FILE
from lightweight_ssd.system.json_file import write_json
from lightweight_ssd.training.datamodule import DetectionDataModule
from lightweight_ssd.types import SPLITS

__all__ = ["report_data", "write_split"]


def report_data(data: DetectionDataModule, run_dir: Path) -> None:
    """Prints what reading decided and what each split has, and records how images were divided, where they were.

    All splits are read for it, so that what is wrong in their annotations is told before the first step.

    Raises:
        FileNotFoundError, ValueError: Of the annotations of a split.
        NotWritten: The disk is full or cannot be written.
    """
    splits = {split: data.used_split(split) for split in SPLITS}
    print("\n".join(describe_splits(splits)), flush=True)
    if getattr(data.source, "split", None) is not None:
        write_split(run_dir / SPLIT_FILE, data.source, splits)


def write_split(path: Path, source: Any, splits: Mapping[str, PackedAnnotations]) -> None:
    """Writes which image is in which split.

    Args:
        path: JSON file.
        source: Has `root`, and as `split` the shares and the pattern of groups.
        splits: Annotations by split; images below the root are named from there.
    """
    root = Path(str(source.root)).absolute()
    images = {split: [_name(each, root) for each in annotations.paths()] for split, annotations in splits.items()}
    write_json(path, {"root": str(root), **source.split._asdict(), "images": images})


def _name(path: str, root: Path) -> str:
    """Bytes that are no text are written as Python escapes them."""
    absolute = Path(path).absolute()
    name = str(absolute.relative_to(root) if absolute.is_relative_to(root) else absolute)
    return name.encode("utf-8", "backslashreplace").decode()
