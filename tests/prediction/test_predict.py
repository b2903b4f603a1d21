"""`predict` as a function: the same detections as a model's, its files, and that it takes no memory."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.archive_server import ArchiveServer
from tests.command_line import tiny_checkpoint
from tests.small_videos import turn_upright, write_video

from lightweight_ssd.prediction.load import load
from lightweight_ssd.prediction.predict import predict
from lightweight_ssd.prediction.video import Limits, Video

LOW = 0.011  # of a network that was not trained


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_checkpoint(Path("tiny.ckpt"))


def write_image(path: str, width: int = 60, height: int = 40) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path)).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def entries(folder: str = "predictions") -> list[dict]:
    return json.loads(Path(folder, "predictions.json").read_text())


def test_it_writes_what_the_model_finds_and_returns_it() -> None:
    for name in ("a", "b", "c"):
        write_image(f"photos/{name}.png")
    Path("photos/d.png").write_text("not an image")
    done = predict("tiny.ckpt", "photos", output="found", score_threshold=LOW, batch_size=2, device="cpu")
    assert (done.output, done.file, done.skipped) == (
        Path("found"), Path("found/predictions.json"), [Path("photos/d.png")],
    )  # fmt: skip
    assert [one.path for one in done.found] == [Path(f"photos/{name}.png") for name in "abc"]
    assert all(one.pixels is None and len(one) > 0 for one in done.found)
    assert (done.images, done.detections) == (3, sum(map(len, done.found)))
    model = load("tiny.ckpt", device="cpu")
    for one, entry in zip(done.found, entries("found"), strict=True):
        again = model.predict(str(one.path), score_threshold=LOW)
        np.testing.assert_allclose(again.boxes, one.boxes, rtol=0, atol=1e-3)  # another batch size
        assert [each["box"] for each in entry["detections"]] == one.boxes.tolist()
        assert [each["class_name"] for each in entry["detections"]] == one.names
        drawn = np.asarray(Image.open(Path("found", entry["picture"]))).astype(int)
        assert np.abs(drawn - np.asarray(again.draw())).mean() < 12


def test_a_run_folder_stands_for_its_best_checkpoint() -> None:
    Path("run/checkpoints").mkdir(parents=True)
    Path("tiny.ckpt").rename("run/checkpoints/best.ckpt")
    write_image("a.jpg")
    assert len(predict("run", "a.jpg", device="cpu").found) == 1


def test_all_that_can_be_read_is_and_the_rest_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = ("jpg", "jfif", "png", "bmp", "webp", "tif", "TIFF", "gif", "ppm", "jp2", "avif")
    for number, kind in enumerate(kinds):
        write_image(f"photos/{number}.{kind}")
    for name in ("notes.doc", "notes.md", ".hidden"):
        Path("photos", name).touch()
    done = predict("tiny.ckpt", "photos", device="cpu")
    assert (len(done.found), done.skipped) == (len(kinds), [])
    assert "passed over 2 files that are no images or videos: notes.doc, notes.md\n" in capsys.readouterr().err


def test_of_several_pictures_in_a_file_the_first_is_used_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [Image.new("RGB", (60, 40), (80 * number, 0, 200)) for number in range(3)]
    for kind, options in (("gif", {}), ("webp", {"lossless": True}), ("png", {}), ("tif", {})):
        pictures[0].save(f"a.{kind}", save_all=True, append_images=pictures[1:], **options)
    pictures[0].save("one.gif")
    found = list(load("tiny.ckpt", device="cpu").stream("*.*g*i*f*"))
    found += list(load("tiny.ckpt", device="cpu").stream(["a.webp", "a.png", "a.tif"]))
    said = capsys.readouterr().err.splitlines()
    assert said == [f"a.{kind} holds 3 pictures, of which the first is used." for kind in ("gif", "png", "tif", "webp")]
    for one in found:
        assert np.abs(one.image.astype(int) - (0, 0, 200)).max() <= 2


def test_outputs_of_an_earlier_call_make_room_and_nothing_else_does() -> None:
    for name in ("a", "b"):
        write_image(f"photos/{name}.png")
    everything = ["images", "json", "coco", "csv", "yolo", "crops"]
    predict("tiny.ckpt", "photos", output="out", device="cpu", save=everything, score_threshold=LOW)
    write_image("out/mine.jpg")
    predict("tiny.ckpt", "photos/a.png", output="out", device="cpu")
    files = [str(path.relative_to("out")) for path in Path("out").rglob("*")]
    assert sorted(files) == [".lssd-predict", "a.jpg", "mine.jpg", "predictions.json"]
    assert [each["picture"] for each in entries("out")] == ["a.jpg"]


@pytest.mark.parametrize("name", ["a.jpg", "predictions.csv", "labels/a.txt", "classes.txt", "predictions.json.part"])
def test_a_file_of_the_users_is_never_written_over(name: str) -> None:
    write_image("photos/a.png")
    Path("out/labels").mkdir(parents=True)
    Path("out", name).write_text("mine")
    with pytest.raises(ValueError, match=rf"^Expected to write out/{name} but .* give another folder as output=…"):
        predict("tiny.ckpt", "photos", output="out", device="cpu", save=["images", "csv", "yolo", "json"])
    assert [str(path) for path in Path("out").rglob("*") if path.is_file()] == [f"out/{name}"]
    assert Path("out", name).read_text() == "mine"


def test_nor_is_one_whose_name_is_known_only_later() -> None:
    write_image("photos/a.png")
    for folder in ("circle", "square"):
        Path("out/crops", folder).mkdir(parents=True)
        Path("out/crops", folder, "a_1.jpg").write_text("mine")
    with pytest.raises(ValueError, match=r"^Expected to write out/crops/\w+/a_1\.jpg but a file that no earlier"):
        predict("tiny.ckpt", "photos", output="out", device="cpu", save="crops", score_threshold=LOW)
    assert {path.read_text() for path in Path("out/crops").rglob("*.jpg")} == {"mine"}


def test_a_folder_in_which_everything_is_written_can_be_looked_at_again() -> None:
    write_image("photos/a.png")
    write_image("photos/below/b.png")
    for _ in range(2):
        done = predict("tiny.ckpt", "photos", output="photos/found", recursive=True, device="cpu")
        assert [str(one.path) for one in done.found] == ["photos/a.png", "photos/below/b.png"]


def test_a_video_gives_a_video_and_an_entry_for_each_frame() -> None:
    turn_upright(write_video(Path("clip.mp4"), frames=20), 90)
    done = predict("tiny.ckpt", "clip.mp4", stride=3, max_seconds=0.6, score_threshold=LOW, device="cpu", batch_size=2)
    assert [(one.frame, one.path, one.source) for one in done.found] == [
        (frame, None, "clip.mp4") for frame in (0, 3, 6, 9, 12)
    ]
    assert [(each["frame"], each["picture"], each["width"], each["height"]) for each in entries()] == [
        (frame, "clip.mp4", 48, 64) for frame in (0, 3, 6, 9, 12)
    ]
    (video,) = done.videos
    assert (video.source, video.frames) == ("clip.mp4", 5) and video.took > 0 and done.images == 0
    drawn = Video(Path("predictions/clip.mp4"), Limits(), "drawn")
    assert [frame.pixels.shape for frame in drawn.frames()] == [(64, 48, 3)] * 5
    assert drawn.rate == pytest.approx(25 / 3, rel=0.01)
    plain = [frame.pixels for frame in Video(Path("clip.mp4"), Limits(3), "plain").frames()]
    model = load("tiny.ckpt", device="cpu")
    for pixels, one in zip(plain, done.found, strict=False):
        np.testing.assert_allclose(model.predict(pixels, score_threshold=LOW).boxes, one.boxes, atol=1e-3)
    with pytest.raises(ValueError, match=r"^Expected the pixels of clip\.mp4 but they were not kept"):
        _ = done.found[0].image


def test_several_sources_one_after_another_and_what_is_broken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    write_video(Path("in/b.avi"), frames=50)
    Path("in/b.avi").write_bytes(Path("in/b.avi").read_bytes()[: Path("in/b.avi").stat().st_size // 2])
    write_video(Path("in/c.mp4"), frames=3)
    Path("in/d.mp4").write_bytes(b"nothing")
    write_image("in/a.jpg")
    write_image("in/e.jpg")
    done = predict("tiny.ckpt", ["in", Path("in/a.jpg")], device="cpu", collect=False)
    assert done.found == [] and done.images == 2 and done.skipped == [Path("in/d.mp4")]
    assert [video.source for video in done.videos] == ["in/b.avi", "in/c.mp4"] and done.videos[1].frames == 3
    assert [each["file"] for each in entries()] == [
        "in/a.jpg", *["in/b.avi"] * done.videos[0].frames, *["in/c.mp4"] * 3, "in/e.jpg",
    ]  # fmt: skip
    said = capsys.readouterr().err
    assert "in/b.avi ended after " in said and "skipped: Expected a video in in/d.mp4, but it begins as none" in said
    assert {path.name for path in Path("predictions").glob("*.mp4")} == {"b.mp4", "c.mp4"}


def test_addresses_of_an_image_and_a_video_whatever_they_are_called() -> None:
    image = io.BytesIO()
    Image.new("RGB", (60, 40), (9, 99, 199)).save(image, "JPEG")
    video = write_video(Path("v.webm"), frames=4).read_bytes()
    with ArchiveServer({"/a.jpg": image.getvalue(), "/b": video, "/c.jpg": b"no image", "/d.mp4": video[:300]}) as web:
        sources = [web.url(path) for path in ("/a.jpg", "/b", "/c.jpg", "/d.mp4", "/none.jpg")]
        done = predict("tiny.ckpt", sources, device="cpu", score_threshold=LOW)
    assert [(one.source, one.frame, one.path) for one in done.found] == [
        (sources[0], None, None), *((sources[1], frame, None) for frame in range(4)),
    ]  # fmt: skip
    assert done.skipped == sources[2:]
    assert sorted(path.name for path in Path("predictions").iterdir()) == [
        ".lssd-predict", "a.jpg", "b.mp4", "predictions.json",
    ]  # fmt: skip


def test_a_model_streams_the_same_and_takes_every_setting() -> None:
    write_image("in/a.jpg")
    write_video(Path("in/b.mp4"), frames=5)
    model = load("tiny.ckpt", device="cpu")
    done = predict("tiny.ckpt", "in", score_threshold=LOW, classes="circle", max_detections=3, device="cpu")
    settings = {"score_threshold": LOW, "classes": ["circle"], "max_detections": 3}
    streamed = list(model.stream("in", **settings))
    assert [(one.source, one.frame) for one in streamed] == [(one.source, one.frame) for one in done.found]
    for one, other in zip(streamed, done.found, strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        assert set(one.names) <= {"circle"} and len(one) <= 3 and one.draw().size == (one.width, one.height)
    first = next(model.stream(["in/b.mp4", "in/a.jpg"], batch_size=1))
    assert str(first.source) == "in/a.jpg"
    assert "in/b.mp4, frame 4, 64×48: " in repr(streamed[-1])
    for wrong, sentence in (({"stride": 0}, "Expected stride"), ({"classes": "circl"}, "did you mean circle?")):
        with pytest.raises(ValueError) as raised:
            model.stream("in", **wrong)  # type: ignore
        assert sentence in str(raised.value)
    with pytest.raises(FileNotFoundError):
        model.stream("none.jpg")


def test_an_interruption_leaves_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abcdefgh":
        write_image(f"photos/{name}.png")
    model_detect, calls = load("tiny.ckpt").detect.__func__, []  # type: ignore

    def interrupted(*args: object, **kwargs: object) -> object:
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return model_detect(*args, **kwargs)

    monkeypatch.setattr("lightweight_ssd.prediction.model.Model.detect", interrupted)
    with pytest.raises(KeyboardInterrupt):
        predict("tiny.ckpt", "photos", output="out", batch_size=1, device="cpu")
    pictures = [each["picture"] for each in entries("out")]
    assert pictures == [f"{name}.jpg" for name in "abcdefg"[: len(pictures)]] and len(pictures) >= 2
    assert pictures == sorted(path.name for path in Path("out").glob("*.jpg"))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"save": ["jsn"]}, "Expected save to be one of coco, crops, csv, images, json, yolo or a list of them, but"),
        ({"save": []}, "Expected save to name at least one kind of file but got an empty list; give save=[json]"),
        ({"yolo_scores": True}, "Expected yolo in save=… for yolo_scores=true but got save=[images,json]; give save="),
        ({"stride": 0}, "Expected stride to be a whole number of at least 1"),
        ({"max_seconds": 0}, "Expected max_seconds to be seconds above 0"),
        ({"classes": ["circel"]}, "did you mean circle?"),
        ({"source": "ftp://host/a.jpg"}, "Expected an address that begins with http:// or https://"),
    ],
)
def test_a_setting_that_cannot_be_met_is_one_sentence_and_writes_nothing(settings: dict, sentence: str) -> None:
    write_image("a.jpg")
    with pytest.raises(ValueError) as raised:
        predict(**{"checkpoint": "tiny.ckpt", "source": "a.jpg", "device": "cpu", **settings})
    assert sentence in str(raised.value)
    assert not Path("predictions").exists()


_MEASURED = """
import resource, sys
from pathlib import Path
import lightweight_ssd as lssd
from lightweight_ssd.prediction import predict as module

class Watched(module._Counter):
    seen, at = 0, {}
    def add(self, each):
        super().add(each)
        Watched.seen += 1
        if Watched.seen in (300, 1300):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            Watched.at[Watched.seen] = pages * resource.getpagesize()

module._Counter = Watched
lssd.predict("tiny.ckpt", sys.argv[1], device="cpu", collect=False, score_threshold=0.0099, max_detections=20,
             save=["json", "csv", "coco", "images"])
print(Watched.at[1300] - Watched.at[300])
"""


@pytest.mark.slow
@pytest.mark.parametrize("source", ["list.txt", "long.mp4"])
def test_a_thousand_more_pictures_take_no_more_memory(source: str) -> None:
    """Kept detections alone would be several megabytes, kept pixels hundreds."""
    if source == "list.txt":
        for number in range(8):
            write_image(f"photos/{number}.jpg", 200, 150)
        Path("photos/many").mkdir()
        for number in range(1300):
            Path(f"photos/many/{number:04}.jpg").symlink_to(f"../{number % 8}.jpg")
        Path(source).write_text("".join(f"photos/many/{number:04}.jpg\n" for number in range(1300)))
    else:
        write_video(Path(source), frames=1300, width=192, height=144)
    ended = subprocess.run([sys.executable, "-c", _MEASURED, source], capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) < 4_000_000
