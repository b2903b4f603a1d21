"""Converts an exported program (`.pt2`) to a LiteRT file, in an environment that has litert-torch and not this package.

`export/litert.py` gives this text to the interpreter there, with the names of both files.
"""

import sys

__all__ = ["convert"]


def convert(program: str, output: str) -> None:
    """Writes the LiteRT file of a program with one input of a fixed size.

    Args:
        program: File by `torch.export.save`.
        output: File to write.
    """
    import litert_torch  # pyright: ignore[reportMissingImports]  (of the other environment)
    import torch

    exported = torch.export.load(program)
    images = [node.meta["val"] for node in exported.graph.nodes if node.name in exported.graph_signature.user_inputs]
    example = tuple(torch.zeros(tuple(image.shape), dtype=image.dtype) for image in images)
    litert_torch.convert(exported.module(), example).export(output)


if __name__ == "__main__":
    convert(*sys.argv[1:])
