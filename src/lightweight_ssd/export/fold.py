"""BatchNorm folded into the convolution before it, for every use of a shared convolution and through a concatenation.

In evaluation a BatchNorm is one factor and one shift per channel::

    y = γ · (conv(x) − μ) / √(σ² + ε) + β  =  conv'(x),   weights · s,   bias · s + β − μ · s,   s = γ / √(σ² + ε)

The graph has one node per use, so that a convolution which a pass uses several times, each time with other statistics,
gets weights of its own per use. Behind the concatenation of a mixed depthwise convolution each part takes its slice of
the channels. What is left of the BatchNorms is quantized badly, or written by converters as layers that cannot be
loaded.
"""

from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

__all__ = ["fold_batch_norms"]

_CONV = (torch.ops.aten.conv2d.default, torch.ops.aten.conv2d.padding)
_NORM = torch.ops.aten.batch_norm.default
_CAT = torch.ops.aten.cat.default


def fold_batch_norms(graph: GraphModule) -> int:
    """Folds every BatchNorm that follows convolutions alone.

    Args:
        graph: Of `torch.export`, in evaluation mode; changed in place.

    Returns:
        How many BatchNorms are left, because something else comes before them.
    """
    left = 0
    for node in [node for node in graph.graph.nodes if node.target is _NORM]:
        convolutions = _convolutions_before(node)
        if convolutions is None:
            left += 1
            continue
        scale, shift = _affine(graph, node)
        start = 0
        for convolution in convolutions:
            channels = int(_value(graph, convolution.args[1]).shape[0])
            part = slice(start, start + channels)
            _scale_weights(graph, convolution, scale[part], shift[part])
            start += channels
        node.replace_all_uses_with(node.args[0])  # pyright: ignore[reportArgumentType]
        graph.graph.erase_node(node)
    graph.graph.eliminate_dead_code()
    graph.graph.lint()
    graph.delete_all_unused_submodules()
    graph.recompile()
    return left


def _convolutions_before(norm: Node) -> list[Node] | None:
    """The convolution that a BatchNorm follows, or those of the concatenation; None where there is anything else."""
    source: Any = norm.args[0]
    if len(source.users) != 1:
        return None
    if source.target in _CONV:
        return [source]
    if source.target is not _CAT or (len(source.args) > 1 and source.args[1] != 1):
        return None
    parts: Any = source.args[0]
    whole = all(part.target in _CONV and len(part.users) == 1 for part in parts)
    return list(parts) if whole else None


def _affine(graph: GraphModule, norm: Node) -> tuple[Tensor, Tensor]:
    """Factor and shift of each channel, in float64."""
    arguments: Any = norm.args
    _, weight, bias, mean, variance, _, _, epsilon, _ = arguments
    mean, variance = _value(graph, mean).double(), _value(graph, variance).double()
    scale = (variance + float(epsilon)).rsqrt()
    scale = scale * _value(graph, weight).double() if weight is not None else scale
    shift = -mean * scale
    return scale, shift + _value(graph, bias).double() if bias is not None else shift


def _scale_weights(graph: GraphModule, convolution: Node, scale: Tensor, shift: Tensor) -> None:
    """Gives one use of a convolution weights and a bias of its own."""
    arguments: list[Any] = list(convolution.args)
    old = _value(graph, arguments[1])
    bias = _value(graph, arguments[2]).double() if len(arguments) > 2 and arguments[2] is not None else 0.0
    weight = (old.double() * scale[:, None, None, None]).to(old.dtype)
    arguments[1] = _constant(graph, convolution, "weight", weight)
    arguments[2:3] = [_constant(graph, convolution, "bias", (bias * scale + shift).to(old.dtype))]
    convolution.args = tuple(arguments)


def _value(graph: GraphModule, node: Any) -> Tensor:
    """The tensor of a `get_attr` node."""
    value: Any = graph
    for name in str(node.target).split("."):
        value = getattr(value, name)
    return value.detach()


def _constant(graph: GraphModule, before: Node, kind: str, value: Tensor) -> Node:
    name = f"{before.name}_{kind}"
    graph.register_buffer(name, value.clone())
    with graph.graph.inserting_before(before):
        node = graph.graph.get_attr(name)
    old = before.args[1]
    assert isinstance(old, Node)
    node.meta = dict(old.meta) | {"val": value}
    return node
