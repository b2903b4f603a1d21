"""A model gives exactly what the detector finds, in pixels of the original image, in whatever form it comes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.command_line import tiny_checkpoint

from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.data.images.reader import read_image
from lightweight_ssd.detector.ssd import Detector
from lightweight_ssd.prediction.load import load
from lightweight_ssd.prediction.model import Model
from lightweight_ssd.runs.checkpoints import checkpoint_file

LOW = 0.0095  # the score of every class before training is about 0.01


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint and five photographs of different sizes."""
    folder = tmp_path_factory.mktemp("model")
    tiny_checkpoint(folder / "tiny.ckpt", [64, 96])
    generator = np.random.default_rng(0)
    for number, (height, width) in enumerate([(40, 60), (256, 192), (32, 48), (100, 100), (64, 96)]):
        pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return load(folder / "tiny.ckpt", device="cpu")


def photos(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.png"))


def plainly(detector: Detector, images: list[np.ndarray], **settings: Any) -> list[list[np.ndarray]]:
    """The detections of a batch step by step: resized, found, scaled back."""
    none, resize = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64)), Pipeline({}, [64, 96])
    batch = np.stack([resize(image, *none, generator=np.random.default_rng(0))[0] for image in images])
    detector.postprocess = replace(detector.postprocess, **settings)
    found = detector.predict(torch.from_numpy(batch).permute(0, 3, 1, 2))
    scales = [torch.tensor([image.shape[1] / 96, image.shape[0] / 64] * 2) for image in images]
    return [
        [(one.boxes * scale).numpy(), one.scores.numpy(), one.labels.numpy()]
        for one, scale in zip(found, scales, strict=True)
    ]


@pytest.mark.parametrize("settings", [{}, {"iou_threshold": 0.1}, {"max_detections": 3}])
def test_it_finds_exactly_what_the_detector_does(folder: Path, model: Model, settings: dict[str, Any]) -> None:
    detector, _ = tiny_checkpoint(folder / "same.ckpt", [64, 96])
    images = [read_image(path) for path in photos(folder)]
    found = model.predict(photos(folder), score_threshold=LOW, **settings)
    for one, expected in zip(found, plainly(detector, images, score_threshold=LOW, **settings), strict=True):
        assert len(one) == len(one.scores) > 0
        for values, others in zip((one.boxes, one.scores, one.labels), expected, strict=True):
            assert values.dtype == others.dtype
            np.testing.assert_array_equal(values, others)


def test_the_form_of_an_image_changes_nothing(folder: Path, model: Model) -> None:
    path = photos(folder)[0]
    array = read_image(path)
    first = model.predict(path, score_threshold=LOW)
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    for form in (str(path), array, np.dstack([array, array[:, :, 0]]), Image.open(path), tensor):
        found = model.predict(form, score_threshold=LOW)
        np.testing.assert_array_equal(found.boxes, first.boxes)
        np.testing.assert_array_equal(found.image, array)
    assert first.path == path and model.predict(array).path is None


def test_several_images_are_a_list_and_none_an_empty_one(folder: Path, model: Model) -> None:
    assert model.predict([]) == [] and model.predict(()) == []
    found = model.predict([photos(folder)[0], read_image(photos(folder)[1])], batch_size=1)
    assert [(one.width, one.height) for one in found] == [(60, 40), (192, 256)]
    assert found[0].pixels is None and found[1].pixels is not None  # a long list of files needs no memory
    np.testing.assert_array_equal(found[0].image, read_image(photos(folder)[0]))


def test_nothing_found_keeps_its_shape(folder: Path, model: Model) -> None:
    found = model.predict(photos(folder)[0], score_threshold=0.9)
    assert (found.boxes.shape, found.scores.shape, found.labels.shape) == ((0, 4), (0,), (0,))
    assert (len(found), found.names, found.to_coco(1)) == (0, [], [])
    assert repr(found).endswith("0.png, 60×40: nothing found)")
    np.testing.assert_array_equal(np.asarray(found.draw()), found.image)


def test_detections_know_their_names_and_are_drawn(folder: Path, model: Model) -> None:
    found = model.predict(photos(folder)[1], score_threshold=LOW, max_detections=4)
    assert found.class_names == ["circle", "square"] == model.class_names
    assert found.names == [found.class_names[label] for label in found.labels]
    drawn = found.draw()
    assert drawn.size == (192, 256) and (np.asarray(drawn) != found.image).any()
    assert all(name in repr(found) for name in found.names)


def test_coco_entries_have_the_ids_of_the_data(folder: Path) -> None:
    tiny_checkpoint(folder / "gaps.ckpt")
    saved = torch.load(folder / "gaps.ckpt", weights_only=True)
    saved["hyper_parameters"]["category_ids"] = [17, 90]
    torch.save(saved, folder / "gaps.ckpt")
    found = load(folder / "gaps.ckpt").predict(photos(folder)[0], score_threshold=LOW)
    entries = found.to_coco(image_id=7)
    assert len(entries) == len(found) > 0
    for entry, box, score, label in zip(entries, found.boxes, found.scores, found.labels, strict=True):
        assert (entry["image_id"], entry["category_id"], entry["score"]) == (7, [17, 90][label], score)
        assert entry["bbox"] == [box[0], box[1], box[2] - box[0], box[3] - box[1]]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"score_threshold": 1}, "Expected score_threshold to be a number of at least 0 and below 1, but got 1."),
        ({"iou_threshold": 2}, "Expected iou_threshold to be a number of at least 0 and at most 1 or null, but got 2."),
        ({"max_detections": 0}, "Expected max_detections to be a whole number of at least 1 or null, but got 0."),
        ({"batch_size": 0}, "Expected batch_size to be a whole number of at least 1, but got 0."),
    ],
)
def test_a_setting_out_of_range_is_refused(model: Model, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as error:  # the whole sentence is compared
        model.predict([], **settings)
    assert str(error.value) == sentence


def test_the_settings_of_one_call_do_not_stay(folder: Path, model: Model) -> None:
    before = model.detector.postprocess
    model.predict(photos(folder)[0], score_threshold=0.9, max_detections=1)
    assert model.detector.postprocess is before


def test_a_run_folder_gives_its_best_checkpoint_or_its_last(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"There is no checkpoints/best\.ckpt in "):
        load(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    for name in ("last.ckpt", "best.ckpt"):
        tiny_checkpoint(tmp_path / "checkpoints" / name)
        assert checkpoint_file(tmp_path).name == name
    assert load(tmp_path).path == tmp_path / "checkpoints" / "best.ckpt"
    assert "2 classes, input 64×64" in repr(load(str(tmp_path)))


def test_a_missing_file_and_an_unknown_device_are_named(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"There is no checkpoint at none\.ckpt"):
        load("none.ckpt")
    with pytest.raises(ValueError, match="Expected device=auto, cpu, cuda or cuda:N but got tpu"):
        load(folder / "tiny.ckpt", device="tpu")
