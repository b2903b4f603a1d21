"""`export`: a checkpoint as a file that a device runs, checked against the checkpoint before it counts."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.checkpoint.load import load_trained
from lightweight_ssd.config.arguments import Checkpoint, Count, checked
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.export.card_of import Choice, card_of
from lightweight_ssd.export.format import Format, Input, Order, Precision
from lightweight_ssd.export.images import ExportImages, Resize
from lightweight_ssd.export.measured import Accuracy, Measure, measured_on
from lightweight_ssd.export.network import DeployedNetwork, Outputs
from lightweight_ssd.export.parity import Difference
from lightweight_ssd.export.traced import rewritten
from lightweight_ssd.export.written import write
from lightweight_ssd.runs.checkpoints import checkpoint_file, run_name
from lightweight_ssd.runtimes.card import METADATA_KEY, Card, card_text
from lightweight_ssd.system.disk_space import one_sentence_when_full
from lightweight_ssd.system.output_folder import make_output_folder

__all__ = ["Exported", "export"]


class Exported(NamedTuple):
    """A file that was written, and what it finds beside its checkpoint.

    Attributes:
        file: To give to `predict` and `load`.
        files: All files that belong together, the card (`.json`) among them.
        card: What the file is, as the JSON beside it says.
        difference: From the checkpoint, on the parity images.
        accuracy: mAP of both; None where it was not measured.
    """

    file: Path
    files: tuple[Path, ...]
    card: Card
    difference: Difference
    accuracy: Accuracy | None


@checked
def export(
    checkpoint: Checkpoint,
    *,
    format: Any = "onnx",
    precision: Precision = "fp32",
    outputs: Outputs = "boxes",
    image_size: int | list[int] | None = None,
    batch: Count | None = None,
    input: Input | None = None,
    output: Path | None = None,
    images: Path | None = None,
    data: dict[str, Any] | None = None,
    parity_images: Count = 10,
    measure: Measure = "auto",
) -> Exported:
    """Writes a checkpoint as a file for a runtime, and compares what the two find.

    Args:
        checkpoint: File, or the folder of a run, whose best checkpoint is taken.
        format: `onnx`, `openvino`, …: an option of `conf/format`, or a node like those.
        precision: Of weights and arithmetic; int8 learns the ranges of activations from training images.
        outputs: `boxes`: decoded boxes and scores; `raw`: logits and offsets; `nms`: the rows (image, class, anchor)
            that a suppression by the checkpoint's thresholds leaves, then boxes and scores; ONNX only.
        image_size: Of the input, pixels: one number, or [height, width]; None = that of the checkpoint.
        batch: Images at once; None = any number where the format can, else 1.
        input: Type of the images, RGB 0 to 255; None = uint8 where the format can.
        output: File to write; None = `exports/<name of the run>[-last][-<precision>]` with the format's suffix.
        images: Folder with images for calibration and parity; None = those of the checkpoint's data.
        data: Settings of that data in place of the checkpoint's own, such as `{"root": "/data/VOCdevkit"}`.
        parity_images: On which file and checkpoint are compared; drawn ones where the data is not here.
        measure: Split on which mAP of checkpoint and file is measured: `val`, `test`, `none`, or `auto`: val where
            rounding may cost mAP (fp16, int8) and the data is here.

    Returns:
        The file and what was found.

    Raises:
        ValueError: For a setting that cannot be met, packages that are not installed, or a float32 file that finds
            something else than its checkpoint; that one is kept as `FILE.failed`.
        FileNotFoundError: If the checkpoint or the calibration images do not exist.
    """
    chosen = _format(format)
    batch = batch if batch or chosen.any_batch else 1
    dtype = input or chosen.inputs[0]
    chosen.expect(precision, batch, dtype, outputs)
    checkpoint = checkpoint_file(checkpoint)
    trained = load_trained(checkpoint)
    resize = Pipeline({}, image_size or trained.config["image_size"])
    supply = ExportImages(_resizing(resize), images, trained.config, data or {}, checkpoint)
    path = _output_file(output, checkpoint, precision, chosen)
    compared = supply.for_parity(parity_images)
    if precision == "int8":
        supply.for_calibration(1)  # what is missing is said before the work
    network = DeployedNetwork(trained.detector, resize.image_size, outputs)
    card = card_of(trained, checkpoint, network, Choice(chosen, precision, outputs, batch, dtype))
    kind = getattr(torch, dtype)
    order = Order(
        rewritten(network, batch, kind), network.image_size, network.outputs, batch, kind, precision,
        supply.for_calibration, card.thresholds if outputs == "nms" else None, {METADATA_KEY: card_text(card)},
    )  # fmt: skip
    with one_sentence_when_full(path.parent, "make room, or name another output=…."):
        written = write(chosen, order, card, network, compared, path)
    return Exported(path, *written, measured_on(measure, written.card, checkpoint, path, data or {}))


def _format(format: Any) -> Format:
    """The writer of a format that is named or given as a node."""
    if isinstance(format, str):
        format = resolved(compose([f"format={format}"], "export"))["format"]
    return format if isinstance(format, Format) else build(format)


def _resizing(resize: Pipeline) -> Resize:
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    return lambda image: resize(image, *none, generator=np.random.default_rng(0))[0]


def _output_file(output: Path | None, checkpoint: Path, precision: str, chosen: Format) -> Path:
    """The file to write, in a folder that can be written."""
    name = run_name(checkpoint) + ("" if precision == "fp32" else f"-{precision}")
    path = (output or Path("exports") / f"{name}{chosen.suffix}").absolute()
    if not path.name.endswith(chosen.suffix):
        raise ValueError(f"Expected output=FILE{chosen.suffix} for format={chosen.name} but got output={output}.")
    make_output_folder(path.parent)
    return path
