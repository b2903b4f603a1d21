"""An exported detector from somebody else is one file: it brings no other into the process, or ends in a sentence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from tests.small_onnx import IMAGE_SIZE, small_onnx

from lightweight_ssd.runtimes.onnx_file import read_onnx
from lightweight_ssd.runtimes.runtime import load_runtime


def _external(tensor: onnx.TensorProto, place: str = "weights.bin") -> onnx.TensorProto:
    """The tensor as one whose values lie in another file."""
    Path(place).write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": place, "offset": "0"}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def _in_the_weights(model: onnx.ModelProto) -> None:
    _external(model.graph.initializer[1])


def _named_without_being_said(model: onnx.ModelProto) -> None:
    tensor = _external(model.graph.initializer[1])
    tensor.ClearField("data_location")


def _said_without_a_name(model: onnx.ModelProto) -> None:
    model.graph.initializer[1].data_location = onnx.TensorProto.EXTERNAL


def _in_an_attribute(model: onnx.ModelProto) -> None:
    tensor = _external(numpy_helper.from_array(np.zeros(3, np.float32)))
    model.graph.node.append(helper.make_node("Constant", [], ["other"], value=tensor))


def _in_a_branch(model: onnx.ModelProto) -> None:
    tensor = _external(numpy_helper.from_array(np.zeros(3, np.float32), "inner"))
    branch = helper.make_graph([helper.make_node("Identity", ["inner"], ["out"])], "branch", [], [], [tensor])
    model.graph.node.append(helper.make_node("If", ["which"], ["other"], then_branch=branch, else_branch=branch))


def _in_a_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Constant", [], ["y"], value=_external(numpy_helper.from_array(np.zeros(3, np.float32))))
    model.functions.append(helper.make_function("mine", "f", [], ["y"], [node], [helper.make_opsetid("", 18)]))


def _in_a_sparse_tensor(model: onnx.ModelProto) -> None:
    values = _external(numpy_helper.from_array(np.zeros(3, np.float32), "sparse"))
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, numpy_helper.from_array(np.arange(3), "at"), [9])
    )


@pytest.mark.parametrize(
    "hide",
    [
        _in_the_weights, _named_without_being_said, _said_without_a_name, _in_an_attribute, _in_a_branch,
        _in_a_function, _in_a_sparse_tensor,
    ],
)  # fmt: skip
def test_weights_in_another_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hide: Callable[[onnx.ModelProto], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = small_onnx(tmp_path / "a.onnx")
    model = onnx.load(path)
    hide(model)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=r"a\.onnx names another file for some; export it as one file\."):
        load_runtime(path)


def test_a_file_of_another_format_under_this_name_is_refused(tmp_path: Path) -> None:
    path = small_onnx(tmp_path / "a.onnx")
    content = path.read_bytes()
    for other in (b"", b"\x00" * 64, b"PK\x03\x04" + bytes(60), content[:4] + b"ORTM" + content[8:], content[:-7]):
        path.write_bytes(other)
        with pytest.raises(ValueError, match=r"Expected an ONNX file but .*a\.onnx is none, or damaged") as error:
            load_runtime(path)
        assert "\n" not in str(error.value)


def test_whatever_bytes_are_wrong_it_ends_in_one_sentence_or_runs(tmp_path: Path) -> None:
    path = small_onnx(tmp_path / "a.onnx")
    content, generator = path.read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        wrong = bytearray(content)
        for place in generator.integers(0, len(wrong), 3):
            wrong[place] = generator.integers(0, 256)
        path.write_bytes(wrong)
        try:
            load_runtime(path, threads=1).run(np.zeros((1, 3, *IMAGE_SIZE), np.uint8))
        except ValueError as error:
            assert "\n" not in str(error) and str(error).startswith("Expected")


def test_what_a_file_says_of_itself_is_read_without_a_runtime(tmp_path: Path) -> None:
    path = small_onnx(tmp_path / "a.onnx", card="inside")
    model = onnx.load(path)
    helper.set_model_props(model, {"a": "b", "empty": ""})
    onnx.save(model, path)
    found = read_onnx(path)
    assert found.metadata == {"a": b"b", "empty": b""} and found.content == path.read_bytes()
