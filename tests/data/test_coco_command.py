"""`data=coco` from the command line, as a user types it."""

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from tests.broken_data import jpeg
from tests.command_line import run_command


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two exports whose file names start from it, as labelme2coco writes them."""
    monkeypatch.chdir(tmp_path)
    for seed, (folder, split) in enumerate({"labels": "train", "more": "val"}.items()):
        images, objects = [], []
        for number in range(1, 11):
            file = tmp_path / folder / f"{number}.jpg"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(jpeg(seed * 100 + number))
            images.append({"id": number, "file_name": f"{folder}/{number}.jpg", "width": 80, "height": 60})
            objects.append({"id": 1, "image_id": number, "category_id": 1, "bbox": [5, 5, 30, 40], "iscrowd": "0"})
        out = tmp_path / "runs" / "labelme2coco" / f"{split}.json"
        out.parent.mkdir(parents=True, exist_ok=True)
        content: dict[str, Any] = {"images": images, "annotations": objects, "categories": [{"id": 1, "name": "cat"}]}
        out.write_text(json.dumps(content))
    return tmp_path


def test_paths_from_the_working_folder_are_read_once(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture
) -> None:
    parts = [
        f"data.{split}={{annotations: runs/labelme2coco/{name}.json, images: .}}"
        for split, name in {"train": "train", "val": "val", "test": "val"}.items()
    ]
    command = ("data", "check", "data=coco", "data.root=.", "data.cache_dir=cache", *parts)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            ended = run_command(monkeypatch, capsys, *command)
            assert ended.code is None and "images read: train 10, val 10, test 10" in ended.out
            os.utime(home, ns=(1, 1))  # problems.csv and the cache came
            kept = {file: file.stat().st_mtime_ns for file in (home / "cache").glob("coco-*.arrays")}
    assert len(kept) == 2 and not caplog.records
    run_command(monkeypatch, capsys, *command)
    assert {file: file.stat().st_mtime_ns for file in (home / "cache").glob("coco-*.arrays")} == kept


def test_one_file_without_splits_is_checked_by_its_short_form(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    source = ("data=coco", "data.root=.", "data.cache_dir=cache", "data.annotations=runs/labelme2coco/train.json")
    ended = run_command(monkeypatch, capsys, "data", "check", *source, "data.images=.", "data.split={val: 0.4}")
    assert ended.code is None, ended.out
    ended = run_command(monkeypatch, capsys, "data", "check", *source)
    assert "Expected data.annotations and data.images together" in ended.err
