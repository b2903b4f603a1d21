"""A model from an exported file finds what its graph and the post-processing give, and never imports PyTorch."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.small_onnx import CLASS_NAMES, IMAGE_SIZE, expected, small_onnx

import lightweight_ssd as lssd
from lightweight_ssd.data.images.reader import read_image
from lightweight_ssd.ops.resize import resize
from lightweight_ssd.ops.suppression import suppress
from lightweight_ssd.ops.thresholds import Thresholds
from lightweight_ssd.prediction.exported_model import ExportedModel
from lightweight_ssd.prediction.load import load

# Run after the statements of a test: what must not have been imported
CHECK = """
import sys
heavy = {"torch", "torchvision", "albumentations", "lightning", "pytorch_lightning", "torchmetrics"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported file and three photographs."""
    folder = tmp_path_factory.mktemp("exported")
    small_onnx(folder / "small.onnx", thresholds=Thresholds(iou_threshold=0.2, max_detections=9))
    (folder / "photos").mkdir()
    generator = np.random.default_rng(0)
    for number, (height, width) in enumerate([(40, 60), (256, 192), (64, 96)]):
        pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")
    return folder


def by_hand(path: Path, **settings: Any) -> list[np.ndarray]:
    """Boxes in pixels of the image, scores and labels, step by step."""
    image = read_image(path)
    found = expected(resize(image, IMAGE_SIZE).transpose(2, 0, 1)[None])
    boxes, scores = found["boxes"][0].astype(np.float32), found["scores"][0].astype(np.float32)
    one = suppress(boxes, scores, IMAGE_SIZE, Thresholds(**{"iou_threshold": 0.2, "max_detections": 9, **settings}))
    scale = np.array([image.shape[1] / IMAGE_SIZE[1], image.shape[0] / IMAGE_SIZE[0]] * 2)
    return [one.boxes * scale, one.scores, one.labels]


@pytest.mark.parametrize("settings", [{}, {"iou_threshold": 0.9}, {"max_detections": 2}])
def test_it_finds_what_the_graph_gives(folder: Path, settings: dict[str, Any]) -> None:
    model = lssd.load(folder / "small.onnx")
    assert isinstance(model, ExportedModel) and model.class_names == CLASS_NAMES and model.category_ids == [3, 7]
    paths = sorted((folder / "photos").iterdir())
    for path, one in zip(paths, model.predict(paths, score_threshold=0.4, batch_size=2, **settings), strict=True):
        boxes, scores, labels = by_hand(path, score_threshold=0.4, **settings)
        assert len(one) > 0 and one.labels.tolist() == labels.tolist() and one.path == path
        np.testing.assert_allclose(one.boxes, boxes, atol=1e-2)
        np.testing.assert_allclose(one.scores, scores, atol=1e-5)
    assert one.to_coco(1)[0]["category_id"] in (3, 7) and one.draw().size == (96, 64)


def test_images_in_memory_and_tensors_are_taken_all_the_same(folder: Path) -> None:
    model, path = load(folder / "small.onnx"), folder / "photos" / "0.png"
    known = model.predict(path)
    for image in (read_image(path), Image.open(path), torch.from_numpy(read_image(path)).permute(2, 0, 1)):
        np.testing.assert_array_equal(model.predict(image).boxes, known.boxes)
    assert [len(one) for one in model.stream(path)] == [len(known)]


def test_some_classes_alone(folder: Path) -> None:
    model = load(folder / "small.onnx")
    found = model.predict(folder / "photos" / "0.png", classes="square", score_threshold=0.1)
    assert set(found.names) == {"square"}
    with pytest.raises(ValueError, match="Expected classes among those of the detector but got squares"):
        model.predict([], classes="squares")


def test_it_runs_on_the_cpu_alone(folder: Path) -> None:
    for device in ("auto", "cpu"):
        assert str(folder) in repr(load(folder / "small.onnx", device=device))
    with pytest.raises(ValueError, match=r"Expected device=auto or device=cpu for .*small\.onnx.* got device=cuda;"):
        load(folder / "small.onnx", device="cuda")


def test_a_checkpoint_and_an_exported_file_exclude_one_another(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"but got both, checkpoint=a\.ckpt and model=.*small\.onnx; leave one out\."):
        lssd.predict("a.ckpt", folder / "photos", model=folder / "small.onnx")
    with pytest.raises(ValueError, match="Expected checkpoint or model, but neither was given; give checkpoint=RUN"):
        lssd.predict(source=folder / "photos")
    with pytest.raises(ValueError, match="Expected source, but none was given; give source=IMAGE, VIDEO"):
        lssd.predict(model=folder / "small.onnx")


def _run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code + CHECK], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.slow
def test_the_command_imports_no_pytorch(folder: Path) -> None:
    code = """
import sys
from lightweight_ssd.cli import main
sys.argv = ["lssd", "predict", "small.onnx", "photos", "score_threshold=0.4", "save=[images,json,coco,csv,yolo,crops]"]
main()
"""
    ended = _run(code, folder)
    assert ended.returncode == 0, ended.stderr
    entries = json.loads((folder / "predictions" / "predictions.json").read_text())
    for entry, path in zip(entries, sorted((folder / "photos").iterdir()), strict=True):
        boxes, scores, labels = by_hand(path, score_threshold=0.4)
        assert [one["label"] for one in entry["detections"]] == labels.tolist() and len(labels) > 0
        np.testing.assert_allclose([one["score"] for one in entry["detections"]], scores, atol=1e-5)
        np.testing.assert_allclose([one["box"] for one in entry["detections"]], boxes, atol=1e-2)


@pytest.mark.slow
def test_nor_does_python(folder: Path) -> None:
    code = """
import lightweight_ssd as lssd
found = lssd.load("small.onnx").predict("photos/0.png", score_threshold=0.4)
assert len(found) > 0 and found.draw().size == (60, 40)
assert [len(one) for one in lssd.load("small.onnx").stream("photos", score_threshold=0.4)][0] == len(found)
assert lssd.predict(model="small.onnx", source="photos", output="found", save="json").images == 3
"""
    ended = _run(code, folder)
    assert ended.returncode == 0, ended.stderr
