"""PyTorch: one `.pt2` file with the graph and its weights, for `torch.export.load` and for tools that start from it.

What LiteRT's converter reads, too. Neither fp16 nor int8 is offered: on a CPU PyTorch computes both no faster than
float32.
"""

from pathlib import Path

import torch
from torch.export import Dim, ExportedProgram

from lightweight_ssd.export.format import Format, Order, Precision
from lightweight_ssd.export.traced import example_images, quiet_exporter

__all__ = ["Torch", "program_of"]


class Torch(Format):
    """A program of `torch.export`; there are no settings."""

    suffix = ".pt2"
    packages = {"torch": "torch"}
    extra = "onnx"
    precisions = ("fp32",)

    def why_not(self, precision: Precision) -> str:
        return "PyTorch computes it no faster on a CPU; give precision=fp32, or int8 with format=onnx or openvino."

    def write(self, order: Order, path: Path) -> None:
        with quiet_exporter():
            torch.export.save(program_of(order), path, extra_files=order.metadata)


def program_of(order: Order) -> ExportedProgram:
    """The program, without the example that it was traced with and without source lines and paths of this machine."""
    images = example_images(order.image_size, order.batch, order.dtype)
    shapes = None if order.batch else ({0: Dim("batch")},)
    with quiet_exporter(), torch.no_grad():
        program = torch.export.export(order.graph, (images,), dynamic_shapes=shapes)
    for node in program.graph.nodes:
        for name in node.meta.keys() - {"val"}:
            del node.meta[name]
    program.example_inputs = None
    return program
