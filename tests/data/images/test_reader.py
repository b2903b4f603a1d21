from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lightweight_ssd.data.images.reader import _decode_flawless_jpeg, read_image


def picture(height: int = 40, width: int = 60) -> np.ndarray:
    """Red grows to the right, green downward, blue is 10."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns * 4, rows * 6, np.full((height, width), 10)], axis=2).astype(np.uint8)


def with_orientation(path: Path, orientation: int) -> Path:
    image = Image.fromarray(picture())
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(path, quality=98, exif=exif)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".tiff"])
def test_colors_come_as_rgb(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(picture()).save(tmp_path / f"a{suffix}", lossless=True)
    image = read_image(tmp_path / f"a{suffix}", expected_size=(40, 60))
    assert image.flags["C_CONTIGUOUS"]
    assert np.array_equal(image, picture())


def test_jpeg_is_close(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.jpg", quality=98)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - picture()).mean() < 2


def test_one_pixel(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[[1, 2, 3]]]


def test_grayscale_alpha_and_16_bits(tmp_path: Path) -> None:
    gray = picture()[..., 0]
    Image.fromarray(gray).save(tmp_path / "gray.png")
    Image.fromarray(np.dstack([picture(), gray])).save(tmp_path / "alpha.png")
    cv2.imwrite(str(tmp_path / "deep.png"), picture()[..., ::-1].astype(np.uint16) * 257)
    assert np.array_equal(read_image(tmp_path / "gray.png"), np.dstack([gray] * 3))
    assert np.array_equal(read_image(tmp_path / "alpha.png"), picture())
    assert np.array_equal(read_image(tmp_path / "deep.png"), picture())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_come_as_stored_whatever_exif_says(tmp_path: Path, orientation: int) -> None:
    path = with_orientation(tmp_path / "a.jpg", orientation)
    for size in (None, (40, 60)):
        assert np.abs(read_image(path, size).astype(int) - picture()).mean() < 2


def test_exif_turns_where_the_annotation_was_made_on_the_turned_image(tmp_path: Path) -> None:
    path = with_orientation(tmp_path / "a.jpg", 6)
    turned = read_image(path, expected_size=(60, 40))
    assert np.abs(turned.astype(int) - np.rot90(picture(), -1)).mean() < 2


def test_one_that_lies_upright_has_the_same_pixels_upright(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (61, 83, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "plain.jpg")
    Image.fromarray(noise).save(tmp_path / "noted.jpg", exif=Image.Exif())
    for name in ("plain.jpg", "noted.jpg"):
        expected = cv2.imread(str(tmp_path / name), cv2.IMREAD_COLOR_RGB)
        assert np.array_equal(read_image(tmp_path / name, upright=True), expected)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, -1), (8, 1)])
def test_upright_turns_as_a_viewer_does(tmp_path: Path, orientation: int, turns: int) -> None:
    path = with_orientation(tmp_path / "a.jpg", orientation)
    assert np.abs(read_image(path, upright=True).astype(int) - np.rot90(picture(), turns)).mean() < 2


def test_another_size_is_an_error_that_names_both(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.jpg")
    for size in ((60, 40), (41, 60)):
        with pytest.raises(ValueError, match=rf"a\.jpg to be {size[1]}x{size[0]} pixels.* it is 60x40: "):
            read_image(tmp_path / "a.jpg", expected_size=size)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_jpeg_is_told(tmp_path: Path, options: dict, kept: float) -> None:
    path = tmp_path / "a.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ValueError, match=r"a\.jpg, but the file is truncated: copy"):
        read_image(path)


def test_a_truncated_jpeg_with_a_whole_thumbnail_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(picture()).save(path, quality=98)
    whole = path.read_bytes()
    thumbnail = b"Exif\0\0" + whole  # stands for the one inside a camera's EXIF segment
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    path.write_bytes(whole[:2] + segment + whole[2:])
    assert read_image(path).shape == (40, 60, 3)
    path.write_bytes(whole[:2] + segment + whole[2:-300])
    with pytest.raises(ValueError, match="truncated"):
        read_image(path)


def test_bytes_after_the_end_of_a_jpeg_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(picture()).save(path)
    path.write_bytes(path.read_bytes() + bytes(1000))
    assert read_image(path).shape == (40, 60, 3)


def test_a_truncated_png_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(picture()).save(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"a\.png, but the file is truncated"):
        read_image(path)


@pytest.mark.parametrize("data", [b"", b"no image at all", b"RIFF0000WEBPVP8 "])
def test_what_is_no_image_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.jpg, but it cannot be decoded: replace it"):
        read_image(tmp_path / "a.jpg")


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg, but there is no such file"):
        read_image(tmp_path / "gone.jpg")
    with pytest.raises(ValueError, match="that is a folder"):
        read_image(tmp_path)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("progressive", [0, 1])
def test_both_jpeg_decoders_give_the_same_pixels(tmp_path: Path, channels: int, progressive: int) -> None:
    noise = np.random.default_rng(channels).integers(0, 256, (61, 83, channels), np.uint8)
    for quality in (20, 75, 100):
        path = tmp_path / f"{quality}.jpg"
        cv2.imwrite(str(path), noise, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])
        assert _decode_flawless_jpeg(path.read_bytes()) is not None
        expected = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
        assert np.array_equal(read_image(path), expected)


def test_what_only_opencv_reads_is_left_to_it(tmp_path: Path) -> None:
    flawed, cmyk = tmp_path / "flawed.jpg", tmp_path / "cmyk.jpg"
    cv2.imwrite(str(flawed), np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))
    data = flawed.read_bytes()
    flawed.write_bytes(data[:-300] + data[-2:])  # with its end marker, so nobody but a decoder can know
    Image.new("CMYK", (20, 10), (10, 20, 30, 40)).save(cmyk)
    for path, size in ((flawed, (40, 40)), (cmyk, (10, 20))):
        assert _decode_flawless_jpeg(path.read_bytes()) is None
        assert read_image(path).shape == (*size, 3)
    assert _decode_flawless_jpeg(b"\x89PNG") is None
