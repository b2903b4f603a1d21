"""ExecuTorch: one `.pte` file for PyTorch's runtime on phones, its operations delegated to XNNPACK.

int8 is post-training quantization of the graph (PT2E) with XNNPACK's rules. fp16 is not offered, since XNNPACK computes
in it on few processors, and never on x86.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.fx import GraphModule, Node

from lightweight_ssd.export.format import Format, Order, Precision
from lightweight_ssd.export.traced import example_images, quiet_exporter
from lightweight_ssd.system.native_output import without_native_output

if TYPE_CHECKING:
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import XNNPACKQuantizer

__all__ = ["ExecuTorch"]

_CONVOLUTIONS = (torch.ops.aten.conv2d.default, torch.ops.aten.conv2d.padding)


class ExecuTorch(Format):
    """Settings of an ExecuTorch file."""

    suffix = ".pte"
    packages = {"executorch": "executorch", "torchao": "torchao"}
    extra = "executorch"
    precisions = ("fp32", "int8")
    any_batch = False

    def __init__(self, calibration_images: int = 100) -> None:
        """Keep the settings.

        Args:
            calibration_images: Number of training images from which int8 learns the ranges of activations.

        Raises:
            ValueError: For a setting out of its range.
        """
        if calibration_images < 1:
            raise ValueError(f"Expected format.calibration_images of at least 1 but got {calibration_images}.")
        self.calibration_images = calibration_images

    def why_not(self, precision: Precision) -> str:
        return "XNNPACK computes fp16 on few processors only; give precision=fp32 or int8."

    def write(self, order: Order, path: Path) -> None:
        with quiet_exporter(), without_native_output(), torch.no_grad():
            from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
            from executorch.exir import to_edge_transform_and_lower

            images = (example_images(order.image_size, order.batch, order.dtype),)
            graph = self._quantized(order, images) if order.precision == "int8" else order.graph
            program = torch.export.export(graph, images)
            lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
            path.write_bytes(lowered.to_executorch().buffer)

    def _quantized(self, order: Order, images: tuple[torch.Tensor]) -> torch.nn.Module:
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

        graph: Any = torch.export.export(order.graph, images).module()
        prepared = prepare_pt2e(graph, _network_quantizer())
        for batch in _batches(order, self.calibration_images):
            prepared(batch)
        return convert_pt2e(prepared)


def _batches(order: Order, count: int) -> list[torch.Tensor]:
    """Calibration images in batches of the file's size, the last one filled up with the first ones."""
    images = [torch.from_numpy(image).to(order.dtype) for image in order.calibration(count)]
    size = order.batch or 1
    images += images[: -len(images) % size] if len(images) >= size else images * (size - len(images))
    return [torch.cat(images[start : start + size]) for start in range(0, len(images) - size + 1, size)]


def _network_quantizer() -> "XNNPACKQuantizer":
    """XNNPACK's rules, per channel, between the first and the last convolutions: boxes are decoded in float."""
    from executorch.backends.xnnpack.quantizer import xnnpack_quantizer as xnnpack

    class NetworkQuantizer(xnnpack.XNNPACKQuantizer):
        def annotate(self, model: GraphModule) -> GraphModule:
            model = super().annotate(model)
            for node in _outside_network(model):
                node.meta.pop("quantization_annotation", None)
            return model

    return NetworkQuantizer().set_global(xnnpack.get_symmetric_quantization_config(is_per_channel=True))


def _outside_network(graph: GraphModule) -> list[Node]:
    """Nodes before the first and behind the last convolutions."""
    nodes = list(graph.graph.nodes)
    before, after = _closure(nodes, "users"), _closure(nodes, "all_input_nodes")
    inside = (before & after) | {node for node in nodes if node.target in _CONVOLUTIONS}
    return [node for node in nodes if node not in inside]


def _closure(nodes: list[Node], neighbors: str) -> set[Node]:
    """Nodes that convolutions lead to (`users`), or that lead to one (`all_input_nodes`)."""
    todo, found = [node for node in nodes if node.target in _CONVOLUTIONS], set()
    while todo:
        near = set(getattr(todo.pop(), neighbors)) - found
        found |= near
        todo += near
    return found
