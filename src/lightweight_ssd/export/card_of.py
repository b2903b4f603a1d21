"""The card of a file: everything that its user needs to know of the detector in it, and where it comes from."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from lightweight_ssd.checkpoint.load import Trained
from lightweight_ssd.coding.variance import VarianceCoder
from lightweight_ssd.export.format import Format, Input, Precision
from lightweight_ssd.export.network import DeployedNetwork, Outputs
from lightweight_ssd.ops.thresholds import Thresholds
from lightweight_ssd.runs.checkpoints import run_name
from lightweight_ssd.runs.content import content_hash
from lightweight_ssd.runs.files import BEST_CHECKPOINT, ENVIRONMENT_FILE, IDENTITY_FILE
from lightweight_ssd.runs.run_files import Environment, Identity
from lightweight_ssd.runs.typed_file import read_mapping
from lightweight_ssd.runtimes.card import Card

__all__ = ["Choice", "card_of"]


class Choice(NamedTuple):
    """How a detector is written.

    Attributes:
        format: Writer.
        precision: Of weights and arithmetic.
        outputs: What the file gives.
        batch: Images at once; None = any number.
        input: Type of the images.
    """

    format: Format
    precision: Precision
    outputs: Outputs
    batch: int | None
    input: Input


def card_of(trained: Trained, checkpoint: Path, network: DeployedNetwork, choice: Choice) -> Card:
    """The card of a file that is about to be written; parity is not known yet.

    Args:
        trained: What the checkpoint holds.
        checkpoint: Its file; commit and content hash come from the files of its run, where it lies in one.
        network: What is written.
        choice: How.
    """
    detector = trained.detector
    settings = {field.name: getattr(detector.postprocess, field.name) for field in dataclasses.fields(Thresholds)}
    commit, content = _origin(checkpoint, trained)
    return Card(
        format=choice.format.name,
        precision=choice.precision,
        outputs=choice.outputs,
        class_names=trained.class_names,
        category_ids=trained.category_ids,
        image_size=network.image_size,
        mean=_three(detector.mean),
        std=_three(detector.std),
        input=choice.input,
        batch=choice.batch,
        thresholds=Thresholds(**settings),
        variances=_four(detector.coder.variances) if isinstance(detector.coder, VarianceCoder) else None,
        anchors=None if network.decodes else [_four(row) for row in network.anchors.tolist()],
        checkpoint=checkpoint.name,
        run=run_name(checkpoint),
        commit=commit,
        content_hash=content,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=_versions(["lightweight-ssd", "torch", *choice.format.packages]),
        parity=None,
    )


def _three(values: Tensor) -> tuple[float, float, float]:
    first, second, third = values.flatten().tolist()
    return first, second, third


def _four(values: Sequence[float]) -> tuple[float, float, float, float]:
    first, second, third, fourth = values
    return first, second, third, fourth


def _origin(checkpoint: Path, trained: Trained) -> tuple[str | None, str]:
    """Commit and content hash of the training, from the run's own files or the configuration in the checkpoint."""
    checkpoint = checkpoint.absolute()
    if checkpoint.parent.name != BEST_CHECKPOINT.parent.name:
        return None, content_hash({**trained.config, "run_dir": None})
    run = checkpoint.parents[1]
    commit = read_mapping(run / ENVIRONMENT_FILE, Environment)[0].get("commit")
    content = read_mapping(run / IDENTITY_FILE, Identity)[0].get("content")
    return commit, content or content_hash({**trained.config, "run_dir": None})


def _versions(packages: list[str]) -> dict[str, str]:
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
