from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image

from lightweight_ssd.plots.style import class_colors, new_figure, readable_on, save


def test_colors_are_distinct_and_none_for_no_classes():
    assert class_colors(0) == []
    assert len(set(class_colors(100))) == 100


def test_letters_on_every_color_have_a_contrast_of_four_and_a_half():
    def luminance(color: str) -> float:
        channels = np.array(to_rgb(color))
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    for color in class_colors(60):
        low, high = sorted((luminance(color), luminance(readable_on(color))))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_saving_makes_the_folder_and_a_white_picture(tmp_path: Path):
    path = save(new_figure(7.0, 1.0, "Title"), tmp_path / "new" / "empty.png", dpi=50)
    picture = np.asarray(Image.open(path).convert("RGB"))
    assert picture.shape == (50, 350, 3) and (picture[-1, -1] == 255).all()
