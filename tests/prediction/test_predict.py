"""`predict` as a function: the same detections as a model's, its files, and which images it takes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.command_line import tiny_checkpoint

from lightweight_ssd.prediction.images import Pixels, read
from lightweight_ssd.prediction.model import load
from lightweight_ssd.prediction.pictures import picture_names, remove_earlier
from lightweight_ssd.prediction.predict import predict
from lightweight_ssd.prediction.sources import find_images


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
    assert [path.name for path in find_images([Path("p")]).images] == ["a.BMP", "b[1].jpg", "c.webp"]
    assert find_images([Path("p/b[1].jpg")]) == ([Path("p/b[1].jpg")], [])
    glob = Path("p").absolute() / "**" / "*.jpg"
    assert [path.name for path in find_images([glob]).images] == ["b[1].jpg", "d.jpg"]
    both = find_images([Path("p/inside"), Path("p"), Path("p/a.BMP")]).images
    assert [path.name for path in both] == ["a.BMP", "b[1].jpg", "c.webp", "d.jpg"]


def test_all_that_can_be_read_is_and_the_rest_is_named(capsys):
    tiny_checkpoint(Path("tiny.ckpt"))
    kinds = ("jpg", "jfif", "png", "bmp", "webp", "tif", "TIFF", "gif", "ppm", "jp2")
    for number, kind in enumerate(kinds):
        write_image(f"photos/{number}.{kind}")
    for name in ("clip.mp4", "notes.txt", ".hidden"):
        Path("photos", name).touch()
    done = predict("tiny.ckpt", "photos", device="cpu")
    assert (len(done.found), done.skipped) == (len(kinds), [])
    assert "passed over 2 files that cannot be read as images: clip.mp4, notes.txt\n" in capsys.readouterr().err


def test_pictures_of_an_earlier_call_make_room_and_nothing_else_does():
    tiny_checkpoint(Path("tiny.ckpt"))
    for name in ("a", "b"):
        write_image(f"photos/{name}.png")
    predict("tiny.ckpt", "photos", output="out", device="cpu")
    write_image("out/mine.jpg")
    predict("tiny.ckpt", "photos/a.png", output="out", device="cpu")
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.jpg", "mine.jpg", "predictions.json"]
    assert [each["picture"] for each in json.loads(Path("out/predictions.json").read_text())] == ["a.jpg"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1]",
        "{}",
        '{"a": 1}',
        '[{"file": "x", "picture": "../keep.jpg", "detections": []}]',
        '[{"file": "x", "picture": 3, "detections": []}, {"file": "x", "picture": "notes.txt", "detections": []}]',
        '[{"picture": "kept.jpg"}]',
    ],
)
def test_a_list_of_somebody_elses_removes_nothing(content: str):
    for path in ("keep.jpg", "out/kept.jpg"):
        write_image(path)
    Path("out/notes.txt").touch()
    Path("out/predictions.json").write_text(content)
    remove_earlier(Path("out"))
    assert Path("keep.jpg").exists() and Path("out/kept.jpg").exists() and Path("out/notes.txt").exists()


def test_an_interruption_leaves_what_was_done(monkeypatch):
    tiny_checkpoint(Path("tiny.ckpt"))
    for name in "abc":
        write_image(f"photos/{name}.png")
    reading = iter([read, read, None])

    def interrupted(path: Path) -> Pixels:
        if (now := next(reading)) is None:
            raise KeyboardInterrupt
        return now(path)

    monkeypatch.setattr("lightweight_ssd.prediction.predict.read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        predict("tiny.ckpt", "photos", output="out", batch_size=1, device="cpu")
    pictures = [each["picture"] for each in json.loads(Path("out/predictions.json").read_text())]
    assert pictures == ["a.jpg", "b.jpg"] == sorted(path.name for path in Path("out").glob("*.jpg"))


def test_picture_names_differ_also_from_names_that_look_numbered():
    assert picture_names([]) == {}
    names = picture_names([Path("a/x.jpg"), Path("a/x-2.jpg"), Path("b/X.png"), Path("c/x.bmp")])
    assert list(names.values()) == ["x.jpg", "x-2.jpg", "X-3.jpg", "x-4.jpg"]
