import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lightweight_ssd.benchmark.peer_loaders import decoders, torchvision_loader, ultralytics_loader
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.images.reader import read_image
from lightweight_ssd.types import Annotation


def packed(folder: Path, suffix: str = ".jpg") -> PackedAnnotations:
    made = []
    for number in range(3):
        rng = np.random.default_rng(number)
        image = cv2.GaussianBlur(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8), (9, 9), 4)
        path = folder / f"{number}{suffix}"
        cv2.imwrite(str(path), image)
        boxes = np.array([[8, 6, 40, 30], [40, 15, 72, 57]], np.float32)[:number]
        made.append(Annotation.of_boxes(number, str(path), 60, 80, boxes, np.array([2, 0])[:number]))
    return PackedAnnotations.from_annotations(made, ("a", "b", "c"))


def test_all_decoders_make_rgb_of_all_images(tmp_path: Path) -> None:
    annotations, notes = packed(tmp_path), []
    found = decoders(annotations, notes)
    assert set(found) == {"OpenCV", "torchvision", "simplejpeg"} and notes == []
    for name, decode in found.items():
        images = [np.asarray(image) for image in decode()]
        images = [image.transpose(1, 2, 0) if name == "torchvision" else image for image in images]
        for annotation, image in zip(annotations, images, strict=True):
            assert np.abs(image.astype(int) - read_image(annotation.path)).max() <= 2


def test_other_files_than_jpeg_are_decoded_by_opencv_alone(tmp_path: Path) -> None:
    notes: list[str] = []
    assert list(decoders(packed(tmp_path, ".png"), notes)) == ["OpenCV"]
    assert notes == ["Not all files are JPEG, so OpenCV alone decodes them."]


def test_a_decoder_that_is_missing_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    notes: list[str] = []
    assert set(decoders(packed(tmp_path), notes)) == {"OpenCV", "torchvision"}
    assert len(notes) == 1 and "simplejpeg is left out" in notes[0]


def test_torchvisions_transforms_give_batches(tmp_path: Path) -> None:
    batches = torchvision_loader(packed(tmp_path), (32, 48), batch_size=2)()
    assert [tuple(batch.shape) for batch in batches] == [(2, 3, 32, 48), (1, 3, 32, 48)]
    assert all(batch.dtype == torch.uint8 for batch in batches)


@pytest.mark.parametrize("in_memory", [False, True])
def test_ultralytics_reads_our_boxes(tmp_path: Path, in_memory: bool) -> None:
    (folder := tmp_path / "yolo").mkdir()
    annotations = packed(tmp_path)
    loader = ultralytics_loader(annotations, folder, 64, 2, mosaic=0.0, in_memory=in_memory, notes=[])
    assert loader is not None
    for _ in range(2):
        batches = loader()
        assert [tuple(batch["img"].shape) for batch in batches] == [(2, 3, 64, 64), (1, 3, 64, 64)]
    texts = [(folder / "labels" / f"{number:07}.txt").read_text() for number in range(3)]
    written = [np.array(text.split(), float).reshape(-1, 5) for text in texts]
    for annotation, lines in zip(annotations, written, strict=True):
        assert lines[:, 0].tolist() == annotation.labels.tolist()
        corners = np.concatenate([lines[:, 1:3] - lines[:, 3:] / 2, lines[:, 1:3] + lines[:, 3:] / 2], axis=1)
        assert np.allclose(corners * [80, 60, 80, 60], annotation.boxes, atol=1e-3)


def test_without_ultralytics_there_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    notes: list[str] = []
    assert ultralytics_loader(packed(tmp_path), tmp_path, 64, 2, 0.0, False, notes) is None
    assert len(notes) == 1 and "pip install" in notes[0]
