import resource
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightweight_ssd.plots.style import new_figure, save


def test_saving_makes_the_folder_and_a_white_picture(tmp_path: Path):
    path = save(new_figure(7.0, 1.0, "Title"), tmp_path / "new" / "empty.png", dpi=50)
    picture = np.asarray(Image.open(path).convert("RGB"))
    assert picture.shape == (50, 350, 3) and (picture[-1, -1] == 255).all()


def test_without_room_one_sentence_names_the_file_and_the_picture_before_stays(tmp_path: Path):
    path = save(new_figure(7.0, 1.0, "Title"), tmp_path / "picture.png", dpi=50)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # as a disk that is full after 100 bytes
    try:
        with pytest.raises(ValueError, match=r"Expected to write .*picture\.png .*too large"):
            save(new_figure(7.0, 1.0, "Other"), path, dpi=50)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_name_that_the_font_lacks_is_no_warning(tmp_path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(new_figure(7.0, 1.0, "人"), tmp_path / "picture.png", dpi=50)
