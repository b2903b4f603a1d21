"""mAP of a checkpoint and of the file made from it, by the same metric code on the same split."""

import tempfile
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lightweight_ssd.runtimes.card import Card
from lightweight_ssd.training.evaluation import evaluate

__all__ = ["Accuracy", "Measure", "measured_on"]

Measure = Literal["auto", "none", "val", "test"]


class Accuracy(NamedTuple):
    """mAP at IoU 0.5, 0 to 1.

    Attributes:
        split: On which both were measured.
        checkpoint: Of PyTorch in float32.
        file: Of the exported file.
    """

    split: str
    checkpoint: float
    file: float


def measured_on(measure: Measure, card: Card, checkpoint: Path, path: Path, data: dict[str, Any]) -> Accuracy | None:
    """Measures both, where it was asked for, or where rounding may cost accuracy.

    Args:
        measure: Split, `none`, or `auto`: val for fp16 and int8 if the data is here.
        card: Of the file.
        checkpoint: File.
        path: The exported file.
        data: Settings of the data in place of the checkpoint's own.
    """
    if measure == "none" or (measure == "auto" and card.precision == "fp32"):
        return None
    split: Literal["val", "test"] = "test" if measure == "test" else "val"
    try:
        return Accuracy(split, *(_map(checkpoint, model, split, data) for model in (None, path)))
    except (ValueError, FileNotFoundError):
        if measure != "auto":
            raise
        return None


def _map(checkpoint: Path, model: Path | None, split: Literal["val", "test"], data: dict[str, Any]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        trainer = {"accelerator": "cpu", "precision": "32-true"}
        found = evaluate(
            checkpoint, model=model, data=data or None, split=split, output=Path(folder), pictures=0,
            coco_metric=False, trainer=trainer,
        )  # fmt: skip
        return found.metrics.map_50 or 0.0
