"""The text that says whether image files came or went."""

import os
from pathlib import Path

import pytest

from lightweight_ssd.data.formats.image_folders import Fingerprint, list_folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a.json", "images/1.jpg", "images/2.png", "images/sub/3.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def made(root: Path) -> str:
    fingerprint = Fingerprint(root / "a.json", root)
    folders = [str(root / "images"), str(root / "images/sub"), str(root / "gone")]
    fingerprint.record(["images/1.jpg", "images/2.png", "images/sub/3.jpg"], {one: list_folder(one) for one in folders})
    return fingerprint("")


def now(root: Path, before: str) -> str:
    """Another process's view, after the clock moved on."""
    for folder in (root / "images", root / "images/sub"):
        os.utime(folder, ns=(1, 1))
    return Fingerprint(root / "a.json", root)(before)


def test_other_files_beside_the_images_do_not_matter(root: Path) -> None:
    before = made(root)
    assert now(root, before) == before
    (root / "images/runs").mkdir()
    (root / "images/problems.csv").touch()
    (root / "images/sub/labels.txt").touch()
    assert now(root, before) == before


@pytest.mark.parametrize("name", ["images/new.jpg", "images/sub/new.png", "gone/new.jpg"])
def test_an_image_that_comes_matters(root: Path, name: str) -> None:
    before = made(root)
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).touch()
    assert now(root, before) != before


def test_an_image_that_goes_or_is_renamed_matters(root: Path) -> None:
    before = made(root)
    (root / "images/sub/3.jpg").rename(root / "images/sub/4.jpg")
    assert now(root, before) != before
    (root / "images/sub/4.jpg").rename(root / "images/sub/3.jpg")
    assert now(root, before) == before
    (root / "images/1.jpg").unlink()
    assert now(root, before) != before


def test_a_changed_annotation_file_matters(root: Path) -> None:
    before = made(root)
    (root / "a.json").write_text("{}")
    assert now(root, before) != before
