import numpy as np
from matplotlib.colors import to_rgb

from lightweight_ssd.plots.palette import class_colors, readable_on


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
