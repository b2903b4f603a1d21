"""PyTorch's exported program finds what the network finds; a foreign one runs nothing but tensor operations."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.exported_files import difference, pictures, write_file

from lightweight_ssd.export.parity import MOST_PIXELS, MOST_SCORE
from lightweight_ssd.export.torch import Torch
from lightweight_ssd.runtimes.card import METADATA_KEY
from lightweight_ssd.runtimes.runtime import load_runtime


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_file(Torch(), tmp_path_factory.mktemp("program"))


@pytest.mark.slow
def test_any_number_of_images(written: Path) -> None:
    found = difference(written)
    assert found.pixels <= MOST_PIXELS and found.score <= MOST_SCORE
    content = written.read_bytes()
    assert b"site-packages" not in content and str(Path(__file__).parents[2]).encode() not in content


@pytest.mark.slow
def test_a_fixed_batch_of_raw_outputs(tmp_path: Path) -> None:
    found = difference(write_file(Torch(), tmp_path, batch=2, outputs="raw"))
    assert found.pixels <= MOST_PIXELS and found.score <= MOST_SCORE


@pytest.mark.slow
def test_others_read_it_without_this_package(written: Path) -> None:
    files = {METADATA_KEY: ""}
    program = torch.export.load(written, extra_files=files)
    assert json.loads(files[METADATA_KEY])["class_names"] == ["circle", "square"]
    boxes, scores = program.module()(torch.from_numpy(pictures(2)))
    assert boxes.shape[::2] == (2, 4) and scores.shape == (*boxes.shape[:2], 2)


def test_another_precision_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected precision=fp32 for format=torch but got int8; PyTorch"):
        Torch().expect("int8", None, "uint8")


class _Opened:
    """Would leave a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def _function(name: str) -> Callable[[dict[str, Any]], None]:
    def change(program: dict[str, Any]) -> None:
        program["graph_module"]["graph"]["nodes"][0]["target"] = name

    return change


def _expression(program: dict[str, Any]) -> None:
    text = json.dumps(program).replace("positive=True", "positive=__import__('os')")
    program.update(json.loads(text))


def _guards(program: dict[str, Any]) -> None:
    program["guards_code"] = ["print(1)"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_function("torch.os.system"), r"the function 'torch\.os\.system'"),
        (_function("torch.ops.aten.relu_.default.__call__"), "the function"),
        (_function("torch.ops.aten.from_file.default"), "the function"),
        (_expression, "the expression"),
        (_guards, "code"),
    ],
)
def test_a_graph_that_would_run_something_else_is_refused(
    written: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    def changed(name: str, content: bytes) -> bytes:
        if not name.endswith("models/model.json"):
            return content
        program = json.loads(content)
        change(program)
        return json.dumps(program).encode()

    _refused(_copy(written, tmp_path, changed), said)


@pytest.mark.slow
def test_objects_and_libraries_are_refused_and_the_example_is_not_read(written: Path, tmp_path: Path) -> None:
    witness = tmp_path / "opened"
    unpickled = pickle.dumps(_Opened(witness))
    buffer = io.BytesIO()
    torch.save(_Opened(witness), buffer)

    def pickled(name: str, content: bytes) -> bytes:
        return content.replace(b'"use_pickle": false', b'"use_pickle": true') if "constants_config" in name else content

    _refused(_copy(written, tmp_path, pickled), "an object 'tensor_0'")
    _refused(_copy(written, tmp_path, more={"data/constants/custom_obj_0": unpickled}), "the member")
    _refused(_copy(written, tmp_path, more={"data/aotinductor/model/a.so": b""}), "the member")

    def example(name: str, content: bytes) -> bytes:
        return buffer.getvalue() if name.endswith("sample_inputs/model.pt") else content

    load_runtime(_copy(written, tmp_path, example), threads=1).run(pictures(1))
    assert not witness.exists()


@pytest.mark.slow
def test_a_damaged_file_is_one_sentence(written: Path, tmp_path: Path) -> None:
    path = _copy(written, tmp_path)
    content = path.read_bytes()
    for other in (b"", b"no archive", content[: len(content) // 2]):
        path.write_bytes(other)
        _refused(path, "")


def _copy(
    file: Path,
    folder: Path,
    changed: Callable[[str, bytes], bytes] = lambda _, content: content,
    more: dict[str, bytes] | None = None,
) -> Path:
    """The archive with some members changed or added, and its card."""
    path = folder / "other.pt2"
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(path, "w") as new:
        root = old.namelist()[0].partition("/")[0]
        for name in old.namelist():
            new.writestr(name, changed(name, old.read(name)))
        for name, content in (more or {}).items():
            new.writestr(f"{root}/{name}", content)
    path.with_name("other.pt2.json").write_bytes(file.with_name(f"{file.name}.json").read_bytes())
    return path


def _refused(path: Path, said: str) -> None:
    with pytest.raises(ValueError, match=rf"Expected a \.pt2 file .*other\.pt2 is none.*{said}") as error:
        load_runtime(path)
    assert "\n" not in str(error.value)
