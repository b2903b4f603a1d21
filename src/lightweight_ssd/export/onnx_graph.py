"""Changes to the graph of an ONNX model that need nothing but the `onnx` package."""

from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_ssd.ops.thresholds import Thresholds

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["add_suppression", "outside_network", "strip"]


def add_suppression(model: "ModelProto", thresholds: Thresholds) -> None:
    """Adds ONNX's non-maximum suppression behind boxes and scores: one node, per class, for any batch.

    Args:
        model: With the outputs `boxes` (B, A, 4) and `scores` (B, A, C); changed in place. It gets a first output
            `selected`, (K, 3), int64: image, class and anchor of each box that stays.
        thresholds: Of the suppression; `max_detections` holds per class here, not over all of them.
    """
    from onnx import TensorProto, helper, numpy_helper

    limits = {
        "most_per_class": np.array([thresholds.max_detections], np.int64),
        "most_overlap": np.array([thresholds.iou_threshold], np.float32),
        "least_score": np.array([thresholds.score_threshold], np.float32),
    }
    graph = model.graph
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in limits.items())
    graph.node.append(helper.make_node("Transpose", ["scores"], ["scores_by_class"], "by_class", perm=[0, 2, 1]))
    inputs = ["boxes", "scores_by_class", *limits]
    graph.node.append(helper.make_node("NonMaxSuppression", inputs, ["selected"], "suppression"))
    outputs = [helper.make_tensor_value_info("selected", TensorProto.INT64, ["detections", 3]), *graph.output]
    del graph.output[:]
    graph.output.extend(outputs)


def outside_network(model: "ModelProto") -> list[str]:
    """Names of the nodes before the first and behind the last convolutions: these normalize and decode, in float."""
    nodes = list(model.graph.node)
    users: dict[str, list[Any]] = {}
    makers = {name: node for node in nodes for name in node.output}
    for node in nodes:
        for name in node.input:
            users.setdefault(name, []).append(node)
    before, after = _closure(nodes, users, forward=True), _closure(nodes, makers, forward=False)
    inside = before & after
    return [node.name for node in nodes if node.op_type != "Conv" and node.name not in inside]


def _closure(nodes: list[Any], neighbors: Any, forward: bool) -> set[str]:
    """Names of the nodes that a convolution leads to, or that lead to one."""
    todo, found = [node for node in nodes if node.op_type == "Conv"], set()
    while todo:
        node = todo.pop()
        for name in node.output if forward else node.input:
            near = neighbors.get(name, [])
            for other in near if isinstance(near, list) else [near]:
                if other.name not in found:
                    found.add(other.name)
                    todo.append(other)
    return found


def strip(model: "ModelProto") -> None:
    """Takes out what the exporter notes of the machine: stack traces with paths and source lines at every node."""
    model.doc_string = ""
    model.graph.doc_string = ""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
        tensor.doc_string = ""
    del model.graph.metadata_props[:]
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
            node.doc_string = ""
