"""Writes a file beside its place, compares it with its network, and only then gives it its name."""

import tempfile
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from jaxtyping import UInt8

from lightweight_ssd.export.format import Format, Order
from lightweight_ssd.export.network import DeployedNetwork
from lightweight_ssd.export.parity import BATCHES, Difference, compare, expect_equal
from lightweight_ssd.runtimes.card import Card, Parity, write_card
from lightweight_ssd.runtimes.runtime import load_runtime

__all__ = ["Written", "write"]


class Written(NamedTuple):
    """All files that belong together, their card, and how far they are from the network."""

    files: tuple[Path, ...]
    card: Card
    difference: Difference


def write(
    chosen: Format, order: Order, card: Card, network: DeployedNetwork, images: UInt8[np.ndarray, "N 3 H W"], path: Path
) -> Written:
    """Writes and checks a file.

    Args:
        chosen: Writer of the format.
        order: What it writes.
        card: What the file is, without parity.
        network: What the file is compared with.
        images: On which it is compared.
        path: File to write; its folder exists.

    Raises:
        ValueError: A float32 file finds something else than its network; it stays as `FILE.failed`.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        made = Path(folder) / path.name
        chosen.write(order, made)
        write_card(card, made)
        batches = BATCHES if order.batch is None else (order.batch,)
        difference = compare(network, load_runtime(made, threads=1).run, images, batches)
        if order.precision == "fp32":
            _expect_equal(difference, made, path)
        parity = Parity(
            images=difference.images,
            box_difference=difference.pixels,
            score_difference=difference.score,
            batches=list(batches),
        )
        card = msgspec.structs.replace(card, parity=parity)
        write_card(card, made)
        files = sorted(each for each in Path(folder).iterdir())
        for each in files:
            each.replace(path.parent / each.name)
    return Written(tuple(path.parent / each.name for each in files), card, difference)


def _expect_equal(difference: Difference, made: Path, path: Path) -> None:
    try:
        expect_equal(difference, path)
    except ValueError:
        for each in [file for file in made.parent.iterdir() if file.suffix != ".json"]:  # its weights, too
            each.replace(path.with_name(f"{each.name}.failed"))
        raise
