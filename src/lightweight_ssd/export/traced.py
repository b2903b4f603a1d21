"""From a network to its graph: traced once, then the rewrites that every format needs."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO

import torch
from torch import Tensor
from torch.export import Dim
from torch.fx import GraphModule

from lightweight_ssd.export.fold import fold_batch_norms
from lightweight_ssd.export.network import DeployedNetwork
from lightweight_ssd.export.upsample import double_and_cut

__all__ = ["example_images", "quiet_exporter", "rewritten"]


def example_images(size: tuple[int, int], batch: int | None, dtype: torch.dtype) -> Tensor:
    """Gray images of a size; two where the batch may be any, since a tracer takes 1 for a constant."""
    return torch.full((batch or 2, 3, *size), 128, dtype=dtype)


def rewritten(network: DeployedNetwork, batch: int | None, dtype: torch.dtype) -> GraphModule:
    """The network as a module of plain operations: BatchNorm folded, nearest upsampling by doubling and cutting.

    Args:
        network: In evaluation mode, on the CPU.
        batch: Images at once; None = any number.
        dtype: Of the images: `torch.uint8` or `torch.float32`.

    Returns:
        Equal to the network up to rounding, with weights of its own.
    """
    images = example_images(network.image_size, batch, dtype)
    shapes = None if batch else ({0: Dim("batch")},)
    with quiet_exporter(), torch.no_grad():
        graph = torch.export.export(network.eval(), (images,), dynamic_shapes=shapes).module()
    assert isinstance(graph, GraphModule)
    fold_batch_norms(graph)
    double_and_cut(graph)
    return graph


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Exporters warn of their own future, log every constant that they fold, and print how far they are."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
