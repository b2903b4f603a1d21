"""Nearest upsampling that every converter gets right: twice the size, then cut.

A level of the pyramid is half of the next one, rounded up, so the next one may be odd. Converters turn an upsampling
to an odd size into a scale factor such as 1.95 or into half-pixel centers, and shift the map without saying so.
"""

import torch
from torch.fx import GraphModule, Node

__all__ = ["double_and_cut"]

_UPSAMPLE = torch.ops.aten.upsample_nearest2d.vec


def double_and_cut(graph: GraphModule) -> int:
    """Replaces every nearest upsampling by a factor of almost two with one by exactly two and a cut.

    Args:
        graph: Of `torch.export`, changed in place; sizes other than the batch are numbers.

    Returns:
        How many were replaced.
    """
    count = 0
    for node in list(graph.graph.nodes):
        if node.op == "call_function" and node.target is _UPSAMPLE and _is_cut(node):
            _replace(graph, node)
            count += 1
    graph.graph.lint()
    graph.recompile()
    return count


def _sizes(node: Node) -> tuple[tuple[int, int], tuple[int, int]]:
    """(rows, columns) before and after."""
    source = node.args[0]
    assert isinstance(source, Node)
    before, after = source.meta["val"].shape[-2:], node.meta["val"].shape[-2:]
    return (int(before[0]), int(before[1])), (int(after[0]), int(after[1]))


def _is_cut(node: Node) -> bool:
    before, after = _sizes(node)
    sides = list(zip(before, after, strict=True))
    return all(new in (2 * old, 2 * old - 1) for old, new in sides)


def _replace(graph: GraphModule, node: Node) -> None:
    (rows, columns), after = _sizes(node)
    with graph.graph.inserting_before(node):
        found = graph.graph.call_function(_UPSAMPLE, (node.args[0], [2 * rows, 2 * columns], None))
        for axis, (doubled, wanted) in enumerate(zip((2 * rows, 2 * columns), after, strict=True), start=2):
            if wanted != doubled:
                found = graph.graph.call_function(torch.ops.aten.slice.Tensor, (found, axis, 0, wanted))
    node.replace_all_uses_with(found)
    graph.graph.erase_node(node)
