"""`profile`: what a detector costs in parameters, MACs and milliseconds, for the shell and for Python."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
from msgspec import Meta

from lightweight_ssd.checkpoint.load import load_trained
from lightweight_ssd.config.arguments import Count, checked
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.profiling.complexity import complexity
from lightweight_ssd.profiling.latency import latency
from lightweight_ssd.runs.checkpoints import checkpoint_file
from lightweight_ssd.system.device import choose_device
from lightweight_ssd.system.json_file import write_json
from lightweight_ssd.system.output_folder import make_output_folder

__all__ = ["DetectorProfile", "profile"]

_NUM_CLASSES, _IMAGE_SIZE = 20, 300  # of VOC; the paper's input


@dataclass(frozen=True)
class DetectorProfile:
    """What a detector costs.

    Attributes:
        backbone_class: Name of the class.
        neck_class: Name of the class.
        classes: Background not counted.
        checkpoint: File that it comes from; None if untrained.
        parameters: Weights, trainable and frozen.
        macs: Multiply-accumulate operations of one image.
        parts: `parameters` and `macs` of the `backbone`, the `neck` and the `head`.
        anchors: Of one image.
        input_size: [height, width] of the network's input, pixels.
        latency_ms: Median of the raw outputs of one image, milliseconds.
        latency_p10_ms: 10th percentile.
        latency_p90_ms: 90th percentile.
        predict_latency_ms: Median with the post-processing.
        predict_latency_p10_ms: 10th percentile.
        predict_latency_p90_ms: 90th percentile.
        threads: CPU threads.
        device: Name of the device.
        device_type: `cpu` or `cuda`.
        batch_size: Images at once, 1.
        repeats: Timed runs.
        torch: Version of PyTorch.
    """

    backbone_class: str
    neck_class: str
    classes: int
    checkpoint: str | None
    parameters: int
    macs: int
    parts: dict[str, dict[str, int]]
    anchors: int
    input_size: list[int]
    latency_ms: float
    latency_p10_ms: float
    latency_p90_ms: float
    predict_latency_ms: float
    predict_latency_p10_ms: float
    predict_latency_p90_ms: float
    threads: int
    device: str
    device_type: str
    batch_size: int
    repeats: int
    torch: str


@checked
def profile(
    checkpoint: Path | None = None,
    *,
    detector: Any = None,
    num_classes: Count | None = None,
    image_size: int | list[int] | None = None,
    device: str = "auto",
    threads: Count = 1,
    warmup: Annotated[int, Meta(ge=0)] = 10,
    repeats: Count = 50,
    output: Path | None = None,
) -> DetectorProfile:
    """Counts the parameters and MACs of a detector and times one image.

    Args:
        checkpoint: File of a trained detector, or the folder of a run; it has its own backbone, neck and classes.
        detector: Of an untrained one, the node `detector` of a configuration, such as
            `compose(["neck=fpn"]).detector`; None = the paper's best detector.
        num_classes: Of an untrained one; None = 20.
        image_size: Of the network's input, pixels: one number or [height, width]; None = the checkpoint's, or 300.
        device: `auto` (the GPU where there is one), `cpu`, `cuda` or `cuda:N`.
        threads: CPU threads of the latency.
        warmup: Runs before the clock starts.
        repeats: Timed runs.
        output: JSON file to write everything to.

    Raises:
        ValueError, FileNotFoundError: For a setting that cannot be met.
    """
    file, place = _output_file(output), choose_device(device)
    subject = _untrained(detector, num_classes) if checkpoint is None else _trained(checkpoint, detector, num_classes)
    counted = complexity(subject.detector, image_size or subject.image_size)
    times = latency(subject.detector.to(place), counted["input_size"], threads, warmup, repeats)
    times = {re.sub("^(predict_)?((p10_|p90_)?ms)$", r"\1latency_\2", name): value for name, value in times.items()}
    measured = DetectorProfile(**subject.about, **counted, **times)
    if file:
        write_json(file, asdict(measured))
    return measured


class _Subject(NamedTuple):
    """A detector in evaluation mode, what it is in words, and the size of its input."""

    detector: Any
    about: dict[str, Any]
    image_size: int | list[int]


def _trained(checkpoint: Path, detector: Any, num_classes: int | None) -> _Subject:
    given = {"detector (backbone, neck)": detector, "num_classes": num_classes}
    doubled = [name for name, value in given.items() if value is not None]
    if doubled:
        raise ValueError(f"Expected no {', '.join(doubled)} with checkpoint=…, which brings its own; leave one out.")
    trained = load_trained(checkpoint_file(checkpoint))
    about = _about(trained.config["detector"], len(trained.class_names), str(checkpoint))
    return _Subject(trained.detector, about, trained.config["image_size"])


def _untrained(node: Any, num_classes: int | None) -> _Subject:
    """With weights that are always the same: how much the post-processing has to do depends on them."""
    node = compose(config="profile").detector if node is None else node
    if not isinstance(node, Mapping) or not node.get("_target_"):
        raise ValueError(f"Expected detector as a node of a configuration, compose([…]).detector, but got {node!r}.")
    classes = num_classes or _NUM_CLASSES
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = build(node, num_classes=classes)
    return _Subject(built.eval(), _about(node, classes, None), _IMAGE_SIZE)


def _about(node: Any, classes: int, checkpoint: str | None) -> dict[str, Any]:
    parts = {f"{part}_class": str(node[part]["_target_"]).rpartition(".")[2] for part in ("backbone", "neck")}
    return {**parts, "classes": classes, "checkpoint": checkpoint}


def _output_file(output: Path | None) -> Path | None:
    """The file to write, known to be writable before anything is measured."""
    if output is None:
        return None
    if output.is_dir():
        raise ValueError(
            f"Expected a file for output=… but {output} is a folder; give output={output / 'profile.json'}."
        )
    return make_output_folder(output.parent) / output.name
