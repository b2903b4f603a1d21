"""Small ONNX detectors, written node by node, with their cards: no exporter and no PyTorch is needed for them."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lightweight_ssd.ops.thresholds import Thresholds
from lightweight_ssd.runtimes.base import OUTPUT_NAMES
from lightweight_ssd.runtimes.card import METADATA_KEY, Card, card_text, write_card

ANCHORS, CLASS_NAMES = 6, ["circle", "square"]
IMAGE_SIZE = (64, 96)


def weights(classes: int = 2) -> dict[str, np.ndarray]:
    """What the graph computes with: anchors, and what the mean color of an image makes of scores and boxes."""
    generator = np.random.default_rng(0)
    corner = generator.uniform(0, 40, (ANCHORS, 2))
    return {
        "anchors": np.hstack([corner, corner + generator.uniform(8, 24, (ANCHORS, 2))]).astype(np.float32),
        "to_logits": generator.normal(0, 2, (3, ANCHORS * classes)).astype(np.float32),
        "to_offsets": generator.normal(0, 2, (3, ANCHORS * 4)).astype(np.float32),
    }


def expected(images: np.ndarray) -> dict[str, np.ndarray]:
    """What the graph gives, in float64: raw outputs, and as boxes the anchors plus the offsets."""
    known = {name: value.astype(np.float64) for name, value in weights().items()}
    mean = images.astype(np.float64).mean(axis=(2, 3)) / 255
    logits = (mean @ known["to_logits"]).reshape(-1, ANCHORS, 2)
    offsets = (mean @ known["to_offsets"]).reshape(-1, ANCHORS, 4)
    return {
        "logits": logits, "offsets": offsets, "scores": 1 / (1 + np.exp(-logits)), "boxes": offsets + known["anchors"],
    }  # fmt: skip


def small_card(**settings: Any) -> Card:
    """The card of `small_onnx` with other settings."""
    known: dict[str, Any] = {
        "format": "onnx", "precision": "fp32", "outputs": "boxes", "class_names": CLASS_NAMES, "category_ids": [3, 7],
        "image_size": IMAGE_SIZE, "mean": (1.0, 2.0, 3.0), "std": (1.0, 1.0, 1.0), "input": "uint8", "batch": None,
        "thresholds": Thresholds(), "variances": (0.1, 0.1, 0.2, 0.2), "checkpoint": "best.ckpt",
    }  # fmt: skip
    return Card(**{**known, **settings})


def small_onnx(
    path: Path,
    outputs: Literal["boxes", "raw", "nms"] = "boxes",
    input: Literal["uint8", "float32"] = "uint8",
    batch: int | None = None,
    card: Literal["beside", "inside", "none"] = "beside",
    classes: int = 2,
    **settings: Any,
) -> Path:
    """Writes an ONNX file and its card; the settings are further ones of the card."""
    path.parent.mkdir(parents=True, exist_ok=True)
    anchors = weights()["anchors"].tolist() if outputs == "raw" else None
    about = small_card(**{"outputs": outputs, "input": input, "batch": batch, "anchors": anchors, **settings})
    model = _model(outputs, input, batch, classes)
    if card == "inside":
        helper.set_model_props(model, {METADATA_KEY: card_text(about)})
    onnx.save(model, path)
    if card == "beside":
        write_card(about, path)
    return path


def _model(outputs: str, input: str, batch: int | None, classes: int) -> onnx.ModelProto:
    names = OUTPUT_NAMES[outputs]
    constants = {
        **weights(classes), "axes": np.array([2, 3]), "top": np.float32(255),
        "per_class": np.array([-1, ANCHORS, classes]),
        "per_side": np.array([-1, ANCHORS, 4]), "most": np.array([4]), "overlap": np.array([0.6], np.float32),
        "least": np.array([0.01], np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["sums"], keepdims=0),
        helper.make_node("Div", ["sums", "top"], ["mean"]),
        helper.make_node("MatMul", ["mean", "to_logits"], ["flat_logits"]),
        helper.make_node("Reshape", ["flat_logits", "per_class"], ["logits"]),
        helper.make_node("MatMul", ["mean", "to_offsets"], ["flat_offsets"]),
        helper.make_node("Reshape", ["flat_offsets", "per_side"], ["offsets"]),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
        helper.make_node("Add", ["offsets", "anchors"], ["boxes"]),
    ]
    if outputs == "nms":
        nodes += [
            helper.make_node("Transpose", ["scores"], ["by_class"], perm=[0, 2, 1]),
            helper.make_node("NonMaxSuppression", ["boxes", "by_class", "most", "overlap", "least"], ["selected"]),
        ]
    kinds = {"selected": TensorProto.INT64}
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("images", _TYPES[input], [batch or "batch", 3, *IMAGE_SIZE])],
        [helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), None) for name in names],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


_TYPES = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT}
