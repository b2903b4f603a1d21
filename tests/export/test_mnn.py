"""MNN finds what the network finds, and its converter reaches no network and no package manager."""

import sys
from pathlib import Path

import pytest
from tests.exported_files import difference, write_file

from lightweight_ssd.export.mnn import MNN
from lightweight_ssd.export.parity import MOST_PIXELS, MOST_SCORE
from lightweight_ssd.runtimes.runtime import load_runtime


@pytest.mark.slow
@pytest.mark.parametrize(("outputs", "batch"), [("boxes", None), ("raw", 2)])
def test_one_file_that_finds_the_same(
    tmp_path: Path, outputs: str, batch: int | None, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_file(MNN(), tmp_path, batch=batch, outputs=outputs)
    found = difference(path)
    assert found.pixels <= MOST_PIXELS and found.score <= MOST_SCORE
    assert not any(name.startswith("MNN.tools") for name in sys.modules)  # installs and sends on its own
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_weights_in_fewer_bits_depart_a_little(tmp_path: Path, precision: str) -> None:
    found = difference(write_file(MNN(), tmp_path, precision))
    assert 0 < found.pixels < 5 and found.score < 0.1


@pytest.mark.slow
def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    path = write_file(MNN(), tmp_path, batch=1)
    for content in (b"", b"no MNN file at all"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"Expected an MNN file but .*small\.mnn cannot be loaded"):
            load_runtime(path)


def test_an_old_opset_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected format\.opset of at least 18 but got 11"):
        MNN(opset=11)
