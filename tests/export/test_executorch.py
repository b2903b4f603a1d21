"""ExecuTorch finds what the network finds, in one thread where one is asked for."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.exported_files import SIZE, difference, open_sizes, pictures, settled_network, write_file

from lightweight_ssd.export.executorch import ExecuTorch, _network_quantizer
from lightweight_ssd.export.parity import MOST_PIXELS, MOST_SCORE
from lightweight_ssd.export.traced import rewritten
from lightweight_ssd.runtimes.runtime import load_runtime


@pytest.mark.slow
def test_one_file_that_finds_the_same(tmp_path: Path) -> None:
    path = write_file(ExecuTorch(), tmp_path, batch=2)
    found = difference(path)
    assert found.pixels <= MOST_PIXELS and found.score <= MOST_SCORE
    content = path.read_bytes()
    assert b"site-packages" not in content and str(Path(__file__).parents[2]).encode() not in content
    for other in (b"", b"no ExecuTorch file"):
        path.write_bytes(other)
        with pytest.raises(ValueError, match=r"Expected (an )?ExecuTorch .*small\.pte.*; export it again"):
            load_runtime(path).run(pictures(1))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("fp16", 1, "uint8"), "Expected precision=fp32|int8 for format=executorch but got fp16"),
        (("fp32", None, "uint8"), "Expected batch=N for format=executorch"),
    ],
)
def test_what_it_cannot_take_is_refused(asked: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ValueError) as error:
        ExecuTorch().expect(*asked)
    assert str(error.value).startswith(said)


def test_no_calibration_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected format\.calibration_images of at least 1 but got 0"):
        ExecuTorch(calibration_images=0)


@pytest.mark.slow
def test_int8_covers_the_convolutions_and_leaves_the_decoding_in_float() -> None:
    network = settled_network()
    images = torch.zeros(1, 3, *SIZE, dtype=torch.uint8)
    with open_sizes():
        graph = torch.export.export(rewritten(network, 1, torch.uint8), (images,)).module()
    _network_quantizer().annotate(graph)
    covered = {node for node in graph.graph.nodes if "quantization_annotation" in node.meta}
    aten = torch.ops.aten
    convolutions = {node for node in graph.graph.nodes if node.target is aten.conv2d.default}
    assert len(convolutions) > 30 and convolutions <= covered
    assert len(covered - convolutions) > 10  # sums and upsampled maps between them
    (exponential,) = (node for node in graph.graph.nodes if node.target is aten.exp.default)
    decoding, todo = set(), [exponential]
    while todo:
        node = todo.pop()
        decoding.add(node)
        inputs = [each for each in node.all_input_nodes if each.target in (aten.clamp.default, aten.mul.Tensor)]
        todo += [each for each in (*node.users, *inputs) if each not in decoding]
    assert len(decoding) > 5 and not decoding & covered
