"""A picture is whole or missing."""

import resource
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightweight_ssd.prediction.pictures import write_picture


def test_without_room_no_half_of_a_picture_stays(tmp_path: Path) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # as a disk that is full after 1000 bytes
    try:
        with pytest.raises(ValueError, match=r"Expected to write .*found\.jpg .*too large"):
            write_picture(picture, tmp_path / "found.jpg")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
    write_picture(picture, tmp_path / "found.jpg")
    assert Image.open(tmp_path / "found.jpg").size == (90, 90)
