"""Writes a small detector in a format, as `lssd export` does, and compares the file with it."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import torch

from lightweight_ssd.checkpoint.load import build_detector
from lightweight_ssd.export.format import Format, Order
from lightweight_ssd.export.network import DeployedNetwork
from lightweight_ssd.export.parity import Difference, compare
from lightweight_ssd.export.traced import rewritten
from lightweight_ssd.runtimes.card import METADATA_KEY, card_text, write_card
from lightweight_ssd.runtimes.runtime import load_runtime
from tests.command_line import tiny_config
from tests.small_onnx import small_card

SIZE = (75, 97)  # odd sides: the pyramid has levels that are no exact halves


@functools.cache
def settled_network(outputs: Any = "boxes") -> DeployedNetwork:
    """A network whose normalizations have seen images, so that no output is a constant."""
    torch.manual_seed(0)
    detector = build_detector(tiny_config(96), ["circle", "square"]).train()
    with torch.no_grad():
        for parameter in detector.head.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        for _ in range(10):
            detector(torch.randint(0, 256, (4, 3, 96, 96), dtype=torch.uint8))
    return DeployedNetwork(detector, SIZE, outputs)


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 3, *SIZE), dtype=np.uint8)


@contextmanager
def open_sizes() -> Iterator[None]:
    """A checked shape would compare sizes, and so fix the batch that an exporter leaves open."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def write_file(
    chosen: Format, folder: Path, precision: Any = "fp32", batch: int | None = None, outputs: Any = "boxes"
) -> Path:
    """Writes the network and its card; the file takes the type of images that is the format's usual one."""
    network, kind = settled_network(outputs), chosen.inputs[0]
    path, dtype = folder / f"small{chosen.suffix}", getattr(torch, kind)
    anchors = None if network.decodes else [tuple(row) for row in network.anchors.tolist()]
    about = small_card(
        format=chosen.name, precision=precision, outputs=outputs, input=kind, batch=batch, anchors=anchors,
        image_size=SIZE,
    )  # fmt: skip
    with open_sizes():
        order = Order(
            rewritten(network, batch, dtype), SIZE, network.outputs, batch, dtype, precision,
            lambda count: list(pictures(min(count, 4))[:, None]), None, {METADATA_KEY: card_text(about)},
        )  # fmt: skip
        chosen.write(order, path)
    write_card(about, path)
    return path


def difference(path: Path) -> Difference:
    """How far a file is from the network, in every size of batch that it can take."""
    runtime = load_runtime(path, threads=1)
    batches = (1, 3) if runtime.card.batch is None else (runtime.card.batch,)
    return compare(settled_network(runtime.card.outputs), runtime.run, pictures(5), batches)
