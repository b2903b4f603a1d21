"""ncnn finds what the network finds; what it cannot take is one sentence."""

from pathlib import Path
from typing import Any

import pytest
from tests.exported_files import difference, pictures, write_file

from lightweight_ssd.export.ncnn import NCNN
from lightweight_ssd.export.parity import MOST_PIXELS, MOST_SCORE
from lightweight_ssd.runtimes.runtime import load_runtime


@pytest.mark.slow
@pytest.mark.parametrize("outputs", ["boxes", "raw"])
def test_two_files_that_find_the_same(tmp_path: Path, outputs: str) -> None:
    path = write_file(NCNN(), tmp_path, batch=1, outputs=outputs)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "small.ncnn.bin", "small.ncnn.param", "small.ncnn.param.json",
    ]  # fmt: skip
    found = difference(path)
    assert found.pixels <= MOST_PIXELS and found.score <= MOST_SCORE
    assert len(load_runtime(path, threads=2).run(pictures(3))[0]) == 3


@pytest.mark.slow
def test_half_precision_halves_the_weights_and_departs_a_little(tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    whole, half = write_file(NCNN(), tmp_path, batch=1), write_file(NCNN(), tmp_path / "half", "fp16", 1)
    assert half.with_suffix(".bin").stat().st_size < 0.8 * whole.with_suffix(".bin").stat().st_size
    found = difference(half)
    assert 0 < found.pixels < 0.2 and found.score < 0.01


@pytest.mark.slow
def test_damaged_files_are_one_sentence(tmp_path: Path) -> None:
    path = write_file(NCNN(), tmp_path, batch=1)
    text = path.read_text()
    path.write_text(text.replace("Convolution ", "NoSuchLayer "))
    with pytest.raises(ValueError, match=r"Expected ncnn's files but .*small\.ncnn\.param cannot be loaded"):
        load_runtime(path)
    path.with_suffix(".bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"Expected small\.ncnn\.bin with the weights beside"):
        load_runtime(path)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("int8", 1, "float32"), "Expected precision=fp32|fp16 for format=ncnn but got int8"),
        (("fp32", 4, "float32"), "Expected batch=1 for format=ncnn"),
        (("fp32", None, "float32"), "Expected batch=N for format=ncnn"),
        (("fp32", 1, "uint8"), "Expected input=float32 for format=ncnn but got uint8"),
    ],
)
def test_what_it_cannot_take_is_refused(asked: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ValueError) as error:
        NCNN().expect(*asked)
    assert str(error.value).startswith(said)
