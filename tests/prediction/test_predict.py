"""`predict` as a function: the same detections as a model's, its files, and which images it takes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.command_line import tiny_checkpoint

from lightweight_ssd.prediction.model import load
from lightweight_ssd.prediction.predict import find_images, picture_names, predict


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_image(path: str, width: int = 60, height: int = 40) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path)).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def test_it_writes_what_the_model_finds_and_returns_it() -> None:
    tiny_checkpoint(Path("tiny.ckpt"))
    for name in ("a", "b", "c"):
        write_image(f"photos/{name}.png")
    Path("photos/d.png").write_text("not an image")
    done = predict("tiny.ckpt", "photos", output="found", score_threshold=0.011, batch_size=2, device="cpu")
    assert (done.output, done.file, done.skipped) == (
        Path("found"), Path("found/predictions.json"), [Path("photos/d.png")],
    )  # fmt: skip
    assert [one.path for one in done.found] == [Path(f"photos/{name}.png") for name in "abc"]
    assert all(one.pixels is None and len(one) > 0 for one in done.found)
    model = load("tiny.ckpt", device="cpu")
    for one, entry in zip(done.found, json.loads(done.file.read_text()), strict=True):
        again = model.predict(str(one.path), score_threshold=0.011)
        np.testing.assert_allclose(again.boxes, one.boxes, rtol=0, atol=1e-3)  # another batch size
        assert [each["box"] for each in entry["detections"]] == one.boxes.tolist()
        assert [each["class_name"] for each in entry["detections"]] == one.names


def test_a_run_folder_stands_for_its_best_checkpoint() -> None:
    Path("run/checkpoints").mkdir(parents=True)
    tiny_checkpoint(Path("run/checkpoints/best.ckpt"))
    write_image("a.jpg")
    assert len(predict("run", "a.jpg", device="cpu").found) == 1


def test_find_images_sorts_and_takes_names_with_brackets():
    for path in ("p/b[1].jpg", "p/a.BMP", "p/c.webp", "p/inside/d.jpg"):
        write_image(path)
    Path("p/folder.jpg").mkdir()
    assert [path.name for path in find_images("p")] == ["a.BMP", "b[1].jpg", "c.webp"]
    assert find_images("p/b[1].jpg") == [Path("p/b[1].jpg")]
    assert [path.name for path in find_images(str(Path("p").absolute() / "**" / "*.jpg"))] == ["b[1].jpg", "d.jpg"]


def test_picture_names_differ_also_from_names_that_look_numbered():
    assert picture_names([]) == {}
    names = picture_names([Path("a/x.jpg"), Path("a/x-2.jpg"), Path("b/X.png"), Path("c/x.bmp")])
    assert list(names.values()) == ["x.jpg", "x-2.jpg", "X-3.jpg", "x-4.jpg"]
