"""Every form of an image gives the same pixels, and what is no image is refused in one sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lightweight_ssd.data.images.reader import read_image
from lightweight_ssd.prediction.images import read

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
GRAY = np.repeat(PIXELS[:, :, :1], 3, axis=2)
ALPHA = np.dstack([PIXELS, PIXELS[:, :, 0]])


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (PIXELS, PIXELS),
        (PIXELS[::-1, :, ::-1], PIXELS[::-1, :, ::-1]),
        (ALPHA, PIXELS),
        (GRAY[:, :, 0], GRAY),
        (GRAY[:, :, :1], GRAY),
        (Image.fromarray(PIXELS), PIXELS),
        (Image.fromarray(ALPHA), PIXELS),
        (Image.fromarray(GRAY[:, :, 0]), GRAY),
        (Image.fromarray(GRAY[:, :, 0]).convert("P"), GRAY),
        (Image.fromarray(GRAY[:, :, 0].astype(np.uint16) * 257), GRAY),
        (Image.fromarray(GRAY[:, :, 0].astype(np.int32) * 257), GRAY),
        (torch.from_numpy(PIXELS), PIXELS),
        (torch.from_numpy(PIXELS).permute(2, 0, 1), PIXELS),
        (torch.from_numpy(GRAY[:, :, 0].copy()), GRAY),
    ],
)
def test_forms_of_one_image_are_the_same_pixels(image: Any, expected: np.ndarray) -> None:
    array, path = read(image)
    assert array.flags.c_contiguous and array.dtype == np.uint8 and path is None
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_files_and_pil_images_are_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    upright = read_image(tmp_path / "a.png", upright=True)
    assert upright.shape[:2] == ((5, 7) if orientation < 5 else (7, 5))
    for image in (tmp_path / "a.png", str(tmp_path / "a.png"), Image.open(tmp_path / "a.png")):
        np.testing.assert_array_equal(read(image).array, upright)
    assert read(tmp_path / "a.png").path == tmp_path / "a.png"


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (PIXELS / 255, r"an array of 8-bit integers from 0 to 255 but got float64; .*\* 255\)\.round\(\)"),
        (PIXELS.astype(np.int64), r"an array of 8-bit integers from 0 to 255 but got int64; convert it to np\.uint8"),
        (PIXELS > 9, "but got bool"),
        (PIXELS.transpose(2, 0, 1), r"shape \(3, 5, 7\); move the channels to the end"),
        (PIXELS[None], r"shape \(1, 5, 7, 3\); give several images as a list"),
        (PIXELS[:, :, :2], r"shape \(5, 7, 2\); give one image"),
        (PIXELS[:0], r"shape \(0, 7, 3\)"),
        (PIXELS[0, 0], r"shape \(3,\)"),
        (torch.zeros(3, 5, 7), "a tensor of 8-bit integers from 0 to 255 but got float32"),
        (torch.zeros(3, 5, 3, dtype=torch.uint8), r"shape \(3, 5, 3\), which could be either"),
        (Image.fromarray(np.zeros((4, 4), np.float32)), "mode F"),
        ([PIXELS], "but got list"),
        (7, "Expected an image as a path, .* but got int"),
        (None, "but got NoneType"),
        ("none.jpg", "no such file"),
        (Path(), "that is a folder"),
    ],
)
def test_what_is_no_image_is_one_sentence(image: Any, sentence: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        read(image)


def test_a_pil_image_of_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.tile(PIXELS, (20, 20, 1))).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:2000])
    with pytest.raises(ValueError, match="Expected a whole PIL image"):
        read(Image.open(tmp_path / "a.jpg"))
