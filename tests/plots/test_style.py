from pathlib import Path

import numpy as np
from PIL import Image

from lightweight_ssd.plots.style import new_figure, save


def test_saving_makes_the_folder_and_a_white_picture(tmp_path: Path):
    path = save(new_figure(7.0, 1.0, "Title"), tmp_path / "new" / "empty.png", dpi=50)
    picture = np.asarray(Image.open(path).convert("RGB"))
    assert picture.shape == (50, 350, 3) and (picture[-1, -1] == 255).all()
