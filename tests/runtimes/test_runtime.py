"""An ONNX file gives what its graph computes, in whatever form, and another file is one sentence."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.small_onnx import ANCHORS, IMAGE_SIZE, expected, small_onnx, weights

from lightweight_ssd.ops.box_coding import decode
from lightweight_ssd.runtimes.runtime import load_runtime


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 3, *IMAGE_SIZE), dtype=np.uint8)


@pytest.mark.parametrize("count", [0, 1, 3, 5])
@pytest.mark.parametrize("form", ["uint8", "float32"])
@pytest.mark.parametrize("batch", [None, 1, 2, 4])
def test_any_number_of_images_whatever_the_file_takes(tmp_path: Path, batch: int | None, form: Any, count: int) -> None:
    runtime = load_runtime(small_onnx(tmp_path / "a.onnx", input=form, batch=batch), threads=1)
    images = pictures(count)
    boxes, scores = runtime.run(images)
    assert boxes.dtype == scores.dtype == np.float32 and len(boxes) == len(scores) == count
    if count:
        known = expected(images)
        np.testing.assert_allclose(boxes, known["boxes"], atol=1e-4)
        np.testing.assert_allclose(scores, known["scores"], atol=1e-5)


def test_raw_outputs_are_decoded_as_pytorch_does(tmp_path: Path) -> None:
    boxes, scores = load_runtime(small_onnx(tmp_path / "a.onnx", "raw")).run(pictures(3))
    known = expected(pictures(3))
    offsets, anchors = torch.from_numpy(known["offsets"]).float(), torch.from_numpy(weights()["anchors"])
    np.testing.assert_allclose(boxes, decode(offsets, anchors, (0.1, 0.1, 0.2, 0.2)), atol=1e-4)
    np.testing.assert_allclose(scores, known["scores"], atol=1e-5)


def test_what_the_graph_suppresses_scores_nothing(tmp_path: Path) -> None:
    boxes, scores = load_runtime(small_onnx(tmp_path / "a.onnx", "nms", batch=2)).run(pictures(3))
    known = expected(pictures(3))
    np.testing.assert_allclose(boxes, known["boxes"], atol=1e-4)
    assert boxes.shape == (3, ANCHORS, 4) and 0 < (scores > 0).sum() < scores.size
    np.testing.assert_allclose(scores[scores > 0], known["scores"][scores > 0], atol=1e-5)


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Expected images of \(64, 96\) .* but got \(64, 64\)"):
        load_runtime(small_onnx(tmp_path / "a.onnx")).run(np.zeros((1, 3, 64, 64), np.uint8))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"class_names": ["one"], "category_ids": [1]}, "Expected boxes and scores of 2 images and 1 classes"),
        ({"outputs": "nms"}, "Expected the outputs selected, boxes, scores of .* but got boxes, scores"),
        ({"image_size": (32, 32)}, "Expected an ONNX file that onnxruntime can run"),
    ],
)
def test_a_card_of_another_file_is_refused(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    path = small_onnx(tmp_path / "a.onnx")
    path.with_name("a.onnx.json").unlink()
    other = small_onnx(tmp_path / "b" / "a.onnx", **settings)
    other.with_name("a.onnx.json").rename(path.with_name("a.onnx.json"))
    with pytest.raises(ValueError, match=said) as error:
        runtime = load_runtime(path)
        runtime.run(np.zeros((2, 3, *runtime.card.image_size), np.uint8))
    assert str(path) in str(error.value)


def test_raw_outputs_of_other_anchors_are_refused(tmp_path: Path) -> None:
    path = small_onnx(tmp_path / "a.onnx", "raw", anchors=[(0.0, 0.0, 1.0, 1.0)])
    with pytest.raises(ValueError, match="Expected offsets of 1 anchors"):
        load_runtime(path).run(pictures(1))


def test_a_file_of_no_known_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Expected an exported detector \(\.onnx, \.xml, .*\) but got .*best\.ckpt"):
        load_runtime(tmp_path / "best.ckpt")
    with pytest.raises(ValueError, match=r"Expected an OpenVINO model .* for precision=bf16"):
        load_runtime(small_onnx(tmp_path / "a.onnx"), precision="bf16")
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        load_runtime(tmp_path / "missing.onnx")


def test_a_missing_package_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_onnx(tmp_path / "a.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"pip install 'lightweight-ssd\[onnx\]' brings it") as error:
        load_runtime(path)
    assert "\n" not in str(error.value)
