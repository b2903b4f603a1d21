"""A written video has every frame, as it was, in any size; or it is not there."""

from pathlib import Path

import numpy as np
import pytest
from tests.small_disk import run_on_small_disk

from lightweight_ssd.prediction.outputs.video_file import VideoFile
from lightweight_ssd.prediction.video import Limits, Video


@pytest.mark.parametrize("size", [(48, 64), (47, 61), (1, 1), (2, 300)])
def test_every_frame_is_in_it(tmp_path: Path, size: tuple[int, int]) -> None:
    file = VideoFile(tmp_path / "a.mp4", 12.5, size)
    for number in range(7):
        file.add(np.full((*size, 3), (30 * number, 0, 200 - 20 * number), np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["a.part.mp4"]
    file.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    video = Video(tmp_path / "a.mp4", Limits(), "a")
    frames = [frame.pixels for frame in video.frames()]
    assert video.rate == 12.5 and len(frames) == 7
    for number, frame in enumerate(frames):
        assert frame.shape == (size[0] + size[0] % 2, size[1] + size[1] % 2, 3)
        assert np.abs(frame.mean((0, 1)) - (30 * number, 0, 200 - 20 * number)).max() < 20


def test_a_stream_that_changes_its_size_keeps_the_first(tmp_path: Path) -> None:
    file = VideoFile(tmp_path / "a.mp4", 25.0, (48, 64))
    for size in ((48, 64), (64, 48), (96, 128)):
        file.add(np.full((*size, 3), 200, np.uint8))
    file.close()
    assert {frame.pixels.shape for frame in Video(tmp_path / "a.mp4", Limits(), "a").frames()} == {(48, 64, 3)}


@pytest.mark.slow
def test_a_disk_that_is_soon_full_leaves_what_was_written_playable(tmp_path: Path) -> None:
    (disk := tmp_path / "disk").mkdir()
    code = f"""
import numpy as np
from pathlib import Path
from lightweight_ssd.prediction.outputs.video_file import VideoFile
from lightweight_ssd.prediction.video import Limits, Video
path = Path({str(disk)!r}, "a.mp4")
file, noise = VideoFile(path, 25.0, (240, 320)), np.random.default_rng(0)
try:
    for _ in range(10_000):
        file.add(noise.integers(0, 256, (240, 320, 3), dtype=np.uint8))
except ValueError as error:
    print(error)
file.close()
print(len(list(Video(path, Limits(), "a").frames())), [each.name for each in path.parent.iterdir()])
"""
    ended = run_on_small_disk(disk, "12m", code)
    assert ended.returncode == 0, ended.stderr
    sentence, rest = ended.stdout.splitlines()
    assert sentence.startswith(f"Expected room to write {disk}/a.mp4 but the disk is full (")
    assert int(rest.split()[0]) >= 25 and rest.endswith("['a.mp4']")


def test_it_says_so_where_it_cannot_begin(tmp_path: Path) -> None:
    (tmp_path / "a.part.mp4").mkdir()
    with pytest.raises(ValueError, match=r"^Expected to write \S+a\.mp4 with 64×48 pixels but it cannot be begun"):
        VideoFile(tmp_path / "a.mp4", 25.0, (48, 64))
