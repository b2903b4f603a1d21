"""Videos are read frame by frame, upright, within their limits, and to where they were cut off."""

from pathlib import Path

import numpy as np
import pytest
from tests.small_videos import turn_upright, write_video

from lightweight_ssd.prediction.video import Limits, Video, is_video

ALL = Limits()


def numbers(path: Path, limits: Limits) -> list[int]:
    return [frame.number for frame in Video(path, limits, "it").frames()]


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".mkv", ".webm"])
def test_every_frame_comes_with_its_time_in_rgb(tmp_path: Path, suffix: str) -> None:
    video = Video(write_video(tmp_path / f"a{suffix}"), ALL, "a")
    frames = list(video.frames())
    assert (video.rate, video.rate_drawn, video.expected, video.note) == (25, 25, 12, "")
    assert [frame.number for frame in frames] == list(range(12))
    np.testing.assert_allclose([frame.seconds for frame in frames], np.arange(12) / 25, atol=0.002)
    for frame in frames:
        left, right = frame.pixels[:, :28].mean((0, 1)), frame.pixels[:, 36:].mean((0, 1))
        bright = 100 + 10 * frame.number
        assert np.abs(left - (bright, 0, 0)).max() < 25 and np.abs(right - (0, 0, bright)).max() < 25


@pytest.mark.parametrize(
    ("limits", "read"),
    [
        (Limits(stride=5), [0, 5, 10]),
        (Limits(max_frames=3), [0, 1, 2]),
        (Limits(max_seconds=0.2), [0, 1, 2, 3, 4]),
        (Limits(stride=2, max_frames=2, max_seconds=9), [0, 2]),
        (Limits(stride=100), [0]),
    ],
)
def test_limits(tmp_path: Path, limits: Limits, read: list[int]) -> None:
    path = write_video(tmp_path / "a.mp4")
    assert numbers(path, limits) == read
    video = Video(path, limits, "a")
    assert video.expected == len(read)
    assert video.rate_drawn == 25 / limits.stride


@pytest.mark.parametrize(("degrees", "size"), [(90, (64, 48)), (180, (48, 64)), (270, (64, 48))])
def test_a_turned_video_is_upright(tmp_path: Path, degrees: int, size: tuple[int, int]) -> None:
    path = turn_upright(write_video(tmp_path / "a.mp4", frames=2), degrees)
    pixels = next(iter(Video(path, ALL, "a").frames())).pixels
    assert pixels.shape == (*size, 3)
    red = {90: pixels[:20], 180: pixels[:, 44:], 270: pixels[44:]}[degrees]
    assert red[..., 0].mean() > 70 and red[..., 2].mean() < 25


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".webm"])
def test_a_video_cut_short_ends_with_what_is_there_and_a_sentence(tmp_path: Path, suffix: str) -> None:
    path = write_video(tmp_path / f"a{suffix}", frames=50, width=320, height=240)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    video = Video(path, ALL, "a")
    frames = list(video.frames())
    assert 10 < len(frames) < 40
    said = f"a ended after {len(frames)} of 50 frames: it is truncated or damaged, and what could be read is used."
    assert video.note == said


def test_limits_are_no_cut(tmp_path: Path) -> None:
    video = Video(write_video(tmp_path / "a.avi", frames=50), Limits(max_frames=3), "a")
    assert len(list(video.frames())) == 3 and video.note == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no video at all" * 100,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:2,\na.mp4\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile 'a.mp4'\n",
        b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>",
    ],
)
def test_what_is_no_video_is_not_given_to_the_decoder(tmp_path: Path, content: bytes) -> None:
    write_video(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes(content)
    assert not is_video(tmp_path / "b.mp4")
    with pytest.raises(ValueError, match=r"^Expected a video in b, but it begins as none"):
        Video(tmp_path / "b.mp4", ALL, "b")


def test_one_that_nobody_can_read_is_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_video(tmp_path / "a.mp4")  # its index is at its end
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(ValueError, match=r"^Expected a video in a, but it cannot be read: copy it again"):
        Video(path, ALL, "a")
    with pytest.raises(FileNotFoundError, match=r"^Expected a video at b, but there is no such file"):
        Video(tmp_path / "b.mp4", ALL, "b")
    with pytest.raises(ValueError, match=r"^Expected a camera for source=73, but there is none: connect it"):
        Video(73, ALL, "camera 73")
    assert capfd.readouterr() == ("", "")  # the decoder itself says nothing


def test_a_name_is_a_name_and_no_pattern_of_files(tmp_path: Path) -> None:
    assert numbers(write_video(tmp_path / "a%02d_[1] 7.avi", frames=2), ALL) == [0, 1]
