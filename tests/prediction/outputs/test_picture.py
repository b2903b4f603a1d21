"""A picture is whole or missing."""

import resource
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightweight_ssd.prediction.outputs.picture import write_jpeg


def test_without_room_no_half_of_a_picture_stays(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # as a disk that is full after 1000 bytes
    try:
        with pytest.raises(ValueError, match=r"Expected to write .*found\.jpg .*too large"):
            write_jpeg(picture, tmp_path / "found.jpg")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
    write_jpeg(picture, tmp_path / "found.jpg")
    assert Image.open(tmp_path / "found.jpg").size == (90, 90)


def test_it_looks_as_it_did(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:60, :90]
    picture = np.stack([columns * 2, rows * 4, np.full((60, 90), 30)], 2).astype(np.uint8)
    write_jpeg(picture[:, ::-1], tmp_path / "a.jpg")  # also of an array whose rows do not follow one another
    assert np.abs(np.asarray(Image.open(tmp_path / "a.jpg")).astype(int) - picture[:, ::-1]).mean() < 3


def test_one_larger_than_any_jpeg_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^Expected at most 65500 pixels a side to write \S+a\.jpg but it is 70000×2"):
        write_jpeg(np.zeros((2, 70_000, 3), np.uint8), tmp_path / "a.jpg")
