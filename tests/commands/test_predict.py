import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.command_line import ending, run_command, tiny_checkpoint
from tests.run_server import RunServer
from tests.small_disk import run_on_small_disk
from tests.small_onnx import small_onnx
from tests.small_videos import write_video

from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.commands.predict import summary
from lightweight_ssd.data.images.reader import read_image
from lightweight_ssd.prediction.predict import Predictions
from lightweight_ssd.prediction.video import Limits, Video


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_image(path: str, width: int = 60, height: int = 40) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path)).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.mark.slow
def test_boxes_are_those_of_the_detector_in_pixels_of_the_file(monkeypatch, capsys):
    detector, _ = tiny_checkpoint(Path("tiny.ckpt"), [64, 96])
    write_image("photos/a.png", 192, 256)
    write_image("photos/b.PNG", 48, 32)
    ended = run_command(
        monkeypatch, capsys, "predict", "checkpoint=tiny.ckpt", "source=photos", "score_threshold=0.011", "device=cpu"
    )
    assert ended.code is None
    entries = json.loads(Path("predictions/predictions.json").read_text())
    assert [(entry["file"], entry["width"], entry["height"]) for entry in entries] == [
        ("photos/a.png", 192, 256),
        ("photos/b.PNG", 48, 32),
    ]
    detector.postprocess = replace(detector.postprocess, score_threshold=0.011)
    none = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.random.default_rng(0))
    for entry, scale in zip(entries, ([2, 4, 2, 4], [0.5, 0.5, 0.5, 0.5]), strict=True):
        image = Pipeline({}, [64, 96])(read_image(entry["file"]), *none)[0]
        expected = detector.predict(torch.from_numpy(image).permute(2, 0, 1)[None])[0]
        assert len(expected.boxes) > 0
        assert [found["label"] for found in entry["detections"]] == expected.labels.tolist()
        scores = torch.tensor([found["score"] for found in entry["detections"]])
        torch.testing.assert_close(scores, expected.scores, rtol=0, atol=1e-5)
        boxes = torch.tensor([found["box"] for found in entry["detections"]])
        torch.testing.assert_close(boxes, expected.boxes * torch.tensor(scale), rtol=0, atol=1e-2)
        assert {found["class_name"] for found in entry["detections"]} <= {"circle", "square"}
        drawn = read_image(Path("predictions", entry["picture"]))
        assert drawn.shape == (entry["height"], entry["width"], 3)


@pytest.mark.slow
def test_categories_have_the_ids_of_the_data_it_was_trained_on(monkeypatch, capsys):
    tiny_checkpoint(Path("tiny.ckpt"))
    write_image("photos/a.jpg")
    arguments = ("predict", "checkpoint=tiny.ckpt", "source=photos", "score_threshold=0.011", "device=cpu")
    for ids in ([1, 2], [17, 90]):  # a checkpoint that does not tell; one trained on data with gaps
        assert run_command(monkeypatch, capsys, *arguments).code is None
        (entry,) = json.loads(Path("predictions/predictions.json").read_text())
        found = {(each["label"], each["class_name"], each["category_id"]) for each in entry["detections"]}
        assert found and found <= {(0, "circle", ids[0]), (1, "square", ids[1])}
        checkpoint = torch.load("tiny.ckpt", weights_only=True)
        checkpoint["hyper_parameters"]["category_ids"] = [17, 90]
        torch.save(checkpoint, "tiny.ckpt")


@pytest.mark.slow
def test_broken_images_are_named_and_the_rest_is_done(monkeypatch, capsys):
    tiny_checkpoint(Path("tiny.ckpt"))
    for name in "ade":
        write_image(f"photos/{name}.jpg")
    whole = Path("photos/a.jpg").read_bytes()
    Path("photos/b.jpg").write_bytes(whole[: len(whole) // 2])
    Path("photos/c.png").write_text("not an image")
    Path("photos/f.webp").symlink_to("nowhere")
    Path("photos/notes.txt").touch()
    ended = run_command(monkeypatch, capsys, "predict", "checkpoint=tiny.ckpt", "source=photos", "batch_size=2")
    assert ended.code == 1
    for name in ("b.jpg", "c.png", "f.webp"):
        assert f"photos/{name}" in ended.err
    assert "skipped 3 of 6 images" in ended.err
    assert "3 of 6 images, " in ended.out
    entries = json.loads(Path("predictions/predictions.json").read_text())
    assert [entry["file"] for entry in entries] == [f"photos/{name}.jpg" for name in "ade"]
    assert sorted(path.name for path in Path("predictions").iterdir()) == [
        ".lssd-predict",
        "a.jpg",
        "d.jpg",
        "e.jpg",
        "predictions.json",
    ]


@pytest.mark.slow
def test_glob_of_equal_names_loses_no_picture(monkeypatch, capsys):
    tiny_checkpoint(Path("tiny.ckpt"))
    for path in ("photos/a.jpg", "photos/a.png", "photos/b/a.jpg"):
        write_image(path)
    before = {path: path.read_bytes() for path in Path().glob("photos/**/*.*")}
    ended = run_command(
        monkeypatch, capsys, "predict", "checkpoint=tiny.ckpt", "source=photos/**/*", "output=found", "device=cpu"
    )
    assert ended.code is None
    assert len(before) == 3
    assert len(list(Path("found").glob("*.jpg"))) == 3
    assert before == {path: path.read_bytes() for path in Path().glob("photos/**/*.*")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["source=photos"], "Expected checkpoint or model, but neither was given; give checkpoint=RUN/checkpoints/"),
        (
            ["checkpoint=tiny.ckpt", "model=a.onnx", "source=photos"],
            "Expected a checkpoint or an exported file but",
        ),
        (["checkpoint=tiny.ckpt"], "Expected source, but none was given; give source=IMAGE, VIDEO, FOLDER or GLOB."),
        (["checkpoint=none.ckpt", "source=photos"], "There is no checkpoint at none.ckpt"),
        (["checkpoint=photos/a.jpg", "source=photos"], "photos/a.jpg is not a checkpoint, or incomplete"),
        (
            ["checkpoint=tiny.ckpt", "source=empty"],
            "There is no image or video (jpg, png, webp, tif, …; mp4, avi, mov, …) at source=empty",
        ),
        (["checkpoint=tiny.ckpt", "source=photos/*.png"], "at source=photos/*.png"),
        (
            ["checkpoint=tiny.ckpt", "source=tiny.ckpt"],
            "Expected an image or a video (jpg, png, webp, tif, …; mp4, avi, mov, …) for source=…",
        ),
        (["checkpoint=tiny.ckpt", "source=photos", "output=tiny.ckpt"], "Expected a folder to write in for output=…"),
        (["checkpoint=tiny.ckpt", "source=photos", "output=photos"], "Expected another folder for output=…"),
        (
            ["checkpoint=tiny.ckpt", "source=photos", "score_threshold=1.5"],
            "Expected score_threshold to be a number of at least 0 and below 1, but got 1.5.",
        ),
        (
            ["checkpoint=tiny.ckpt", "source=photos", "batch_size=0"],
            "Expected batch_size to be a whole number of at least 1, but got 0.",
        ),
        (["checkpoint=tiny.ckpt", "source=photos", "device=gpu"], "Expected device=auto, cpu, cuda"),
    ],
)
def test_bad_setting_gets_one_sentence(options: list[str], message: str, monkeypatch, capsys):
    tiny_checkpoint(Path("tiny.ckpt"))
    Path("empty").mkdir()
    write_image("photos/a.jpg")
    ended = run_command(monkeypatch, capsys, "predict", *options)
    assert ended.code == 1
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert not Path("predictions/predictions.json").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("runs/mine/nope", "photos"), "runs/mine/nope is none; there is no such file or folder."),
        (("runs/mine/firts", "a.jpg"), "runs/mine/firts is none; did you mean runs/mine/first?"),
        (
            ("runs/mine", "photos"),
            "runs/mine is none; give one of the runs in it, such as runs/mine/first.",
        ),
        (("runs/mine/nope",), "runs/mine/nope is none; there is no such file or folder."),
        (("runs/nope", "source=photos"), "runs/nope is none; there is no such file or folder."),
    ],
)
def test_what_is_no_run_is_said(arguments: tuple[str, ...], sentence: str, monkeypatch, capsys) -> None:
    Path("runs/mine/first/checkpoints").mkdir(parents=True)
    write_image("photos/a.jpg")
    ended = run_command(monkeypatch, capsys, "predict", *arguments)
    said = f"lssd predict: Expected a run, a checkpoint or an exported file but {sentence}\n"
    assert (ended.code, ended.err) == (1, said)


@pytest.mark.parametrize("arguments", [("photos",), ("a.jpg", "b.png"), ("photos/*.jpg",), ("0",), ("http://host/a",)])
def test_without_anything_like_a_run_the_checkpoint_is_missing(arguments: tuple[str, ...], monkeypatch, capsys) -> None:
    write_image("photos/a.jpg")
    ended = run_command(monkeypatch, capsys, "predict", *arguments)
    assert ended.code == 1 and "Expected checkpoint or model, but neither was given" in ended.err


@pytest.mark.parametrize(
    ("found", "threshold", "line"),
    [
        (0, 0.3, "2 of 2 images, 0 detections above score 0.3; score_threshold=0.1 shows those that score less"),
        (0, 0.0, "2 of 2 images, 0 detections above score 0"),
        (3, 0.3, "2 of 2 images, 3 detections above score 0.3"),
    ],
)
def test_where_nothing_is_found_a_lower_score_is_named(found: int, threshold: float, line: str) -> None:
    assert summary(Predictions(Path("out"), images=2, detections=found), threshold) == line


ODD = [
    "2106_[0'6'53-0'7'11]_v94.jpg",
    "b, c=d.jpg",
    "-x.jpg",
    "a b.jpg",
    "[a,b].jpg",
    "${x}.jpg",
    "1e3.jpg",
    "{a: b}.jpg",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_a_file_is_taken_as_it_is_typed(name: str, server: RunServer, tmp_path: Path):
    """With its key and without, and the folder of a run in place of its checkpoint."""
    Path("my run, 1/checkpoints").mkdir(parents=True)
    tiny_checkpoint(Path("my run, 1/checkpoints/best.ckpt"))
    write_image(name)
    for arguments in ((name, "checkpoint=my run, 1"), (f"source={name}", "my run, 1"), ("--", name, "my run, 1")):
        ended = server.run(tmp_path, "predict", "device=cpu", "output=my [output]", *arguments)
        assert ended.code == 0, ended.err
        (entry,) = json.loads(Path("my [output]/predictions.json").read_text())
        assert entry["file"] == name and Path("my [output]", entry["picture"]).is_file()


@pytest.mark.slow
def test_several_files_and_folders_at_once(server: RunServer, tmp_path: Path):
    tiny_checkpoint(Path("tiny.ckpt"))
    for name in ("a.jpg", "b, 1.jpg", "photos/c.jpg"):
        write_image(name)
    for arguments in (("a.jpg", "b, 1.jpg", "photos"), ("source=[a.jpg,'b, 1.jpg',photos]",)):
        ended = server.run(tmp_path, "predict", "tiny.ckpt", *arguments, "device=cpu")
        assert ended.code == 0, ended.err
        entries = json.loads(Path("predictions/predictions.json").read_text())
        assert [entry["file"] for entry in entries] == ["a.jpg", "b, 1.jpg", "photos/c.jpg"]


@pytest.mark.slow
def test_a_full_disk_is_one_sentence(tmp_path: Path):
    tiny_checkpoint(Path("tiny.ckpt"))
    write_image("big.jpg", 2000, 2000)
    (disk := tmp_path / "disk").mkdir()
    arguments = ["lssd", "predict", "big.jpg", "checkpoint=tiny.ckpt", "device=cpu", f"output={disk / 'out'}"]
    ended = run_on_small_disk(
        disk, "64k", f"import sys; from lightweight_ssd.cli import main; sys.argv = {arguments!r}; main()"
    )
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert f"lssd predict: Expected to write {disk / 'out'}" in ended.stderr
    assert "No space left on device" in ended.stderr


COMMAND = [sys.executable, "-m", "lightweight_ssd", "predict", "tiny.ckpt", "device=cpu", "score_threshold=0.011"]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["-", "source=-"])
def test_an_image_from_standard_input(way: str) -> None:
    tiny_checkpoint(Path("tiny.ckpt"))
    write_image("a.png")
    with Path("a.png").open("rb") as image:
        ended = subprocess.run([*COMMAND, way], stdin=image, capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, ended.stderr
    (entry,) = json.loads(Path("predictions/predictions.json").read_text())
    assert (entry["file"], entry["picture"], entry["width"]) == ("-", "stdin.jpg", 60) and entry["detections"]
    for content, sentence in ((b"", "nothing came; pipe a file into it"), (b"text", "Expected an image in -, but it")):
        ended = subprocess.run([*COMMAND, way], input=content, capture_output=True, timeout=900)
        assert ended.returncode == 1 and sentence in ended.stderr.decode() and b"Traceback" not in ended.stderr


@pytest.mark.slow
def test_ctrl_c_in_a_video_leaves_what_was_done() -> None:
    tiny_checkpoint(Path("tiny.ckpt"))
    write_video(Path("long.avi"), frames=6000)
    command = [*COMMAND, "long.avi", "save=[images,json,csv,coco]"]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started,
        ending(started),
    ):
        part, end = Path("predictions/predictions.json.part"), time.monotonic() + 600
        while not (part.exists() and part.stat().st_size > 20_000) and time.monotonic() < end:
            time.sleep(0.02)
        os.kill(started.pid, signal.SIGINT)
        _, err = started.communicate(timeout=600)
    assert started.returncode == 130 and err.rstrip().endswith("lssd predict: interrupted.")
    entries = json.loads(Path("predictions/predictions.json").read_text())
    assert 2 <= len(entries) < 6000 and [entry["frame"] for entry in entries] == list(range(len(entries)))
    drawn = list(Video(Path("predictions/long.mp4"), Limits(), "drawn").frames())
    assert len(drawn) == len(entries)
    assert len(json.loads(Path("predictions/coco_images.json").read_text())["images"]) == len(entries)
    with Path("predictions/predictions.csv").open(newline="") as table:
        assert {int(row["frame"]) for row in csv.DictReader(table)} <= set(range(len(entries)))
    assert not list(Path("predictions").glob("*.part*"))


@pytest.mark.slow
def test_what_is_typed_reaches_the_function(server: RunServer, tmp_path: Path) -> None:
    tiny_checkpoint(Path("tiny.ckpt"))
    write_image("in/a.jpg")
    write_image("in/below/b, c=d.jpg")
    write_video(Path("in/clip.mp4"), frames=9)
    Path("list.txt").write_text("in/a.jpg\nin/clip.mp4\n")
    typed = ("in", "recursive=true", "save=[csv,yolo,json]", "classes=[circle]", "stride=4", "yolo_scores=true")
    ended = server.run(tmp_path, "predict", "tiny.ckpt", "device=cpu", "score_threshold=0.011", *typed)
    assert ended.code == 0, ended.err
    assert (
        "3 of 3 images and videos, " in ended.out and "in/clip.mp4: 3 frames, 6.25 a second of the video" in ended.out
    )
    entries = json.loads(Path("predictions/predictions.json").read_text())
    assert [(entry["file"], entry.get("frame")) for entry in entries] == [
        ("in/a.jpg", None), ("in/below/b, c=d.jpg", None), *(("in/clip.mp4", frame) for frame in (0, 4, 8)),
    ]  # fmt: skip
    assert {each["class_name"] for entry in entries for each in entry["detections"]} <= {"circle"}
    assert Path("predictions/labels/b, c=d.txt").is_file() and not list(Path("predictions").glob("*.jpg"))
    for arguments, sentence in (
        (("source=7",), "Expected a camera for source=7, but there is none: connect it, or give a file."),
        (("https://127.0.0.1:1/a.jpg?b=c,d",), "at https://127.0.0.1:1/a.jpg?b=c,d but it cannot be reached"),
        (
            ("file:///etc/passwd",),
            "Expected an address that begins with http:// or https:// for source=… but got file:",
        ),
        (("in", "classes=circel"), "did you mean circle?"),
        (("in", "vid_stride=2"), "There is no key vid_stride: did you mean stride=2?"),
        (("list.txt", "max_frames=0"), "Expected max_frames to be a whole number of at least 1 or null, but got 0."),
    ):
        ended = server.run(tmp_path, "predict", "tiny.ckpt", "device=cpu", *arguments)
        assert ended.code == 1 and sentence in ended.err and "Traceback" not in ended.err
    ended = server.run(tmp_path, "predict", "tiny.ckpt", "device=cpu", "list.txt", "save=json")
    assert ended.code == 0 and len(json.loads(Path("predictions/predictions.json").read_text())) == 10


def test_an_exported_file_without_its_key_is_the_model(monkeypatch, capsys) -> None:
    write_image("photos/a.png")
    small_onnx(Path("out/small.onnx"))
    ended = run_command(monkeypatch, capsys, "predict", "out/small.onnx", "photos", "score_threshold=0.1")
    assert ended.code is None and "1 of 1 images" in ended.out
    assert json.loads(Path("predictions/predictions.json").read_text())[0]["detections"]
    ended = run_command(monkeypatch, capsys, "predict", "out/small.onnx", "photos", "device=cuda")
    assert ended.code == 1 and "since exported files run on the CPU, but got device=cuda" in ended.err
    ended = run_command(monkeypatch, capsys, "predict", "missing.onnx", "photos")
    assert ended.code == 1 and "Expected an exported detector at missing.onnx" in ended.err
