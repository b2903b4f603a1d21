"""Making caches: by one of several processes, whole or not at all, and again when the files change."""

import logging
import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.cached_images import hold_up, picture, pictures, write_picture
from tests.small_disk import run_on_small_disk

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.images.cache import PIXELS_FILE
from lightweight_ssd.data.images.cache_builder import open_image_cache, require_memory
from lightweight_ssd.types import Annotation

_FORK = multiprocessing.get_context("fork")
_SIZES = [(20, 30)] * 3


def _wait_for(happens: Callable[[], object]) -> None:
    end = time.monotonic() + 300
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def _visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def _hidden(folder: Path) -> list[Path]:
    return sorted(folder.glob(".images-*.*"))


def test_a_killed_builder_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    annotations, caches = pictures(tmp_path / "images", _SIZES), tmp_path / "caches"
    let_go = hold_up(tmp_path / "images" / "1.png")
    builder = _FORK.Process(target=open_image_cache, args=(annotations, 32, caches))
    builder.start()
    _wait_for(lambda: any((path / PIXELS_FILE).exists() for path in _hidden(caches)))
    builder.kill()
    builder.join()
    assert _hidden(caches) and _visible(caches) == []
    let_go()
    cache = open_image_cache(annotations, 32, caches)
    assert [np.array_equal(cache[index], picture(index, 20, 30)) for index in range(3)] == [True] * 3
    assert _hidden(caches) == [], "what the killed one left is gone"


def test_leftovers_of_another_cache_are_removed_unless_it_is_being_made(tmp_path: Path) -> None:
    caches = tmp_path / "caches"
    others = pictures(tmp_path / "others", _SIZES)
    let_go = hold_up(tmp_path / "others" / "1.png")
    builder = _FORK.Process(target=open_image_cache, args=(others, 32, caches))
    builder.start()
    _wait_for(lambda: _hidden(caches))
    open_image_cache(pictures(tmp_path / "images", _SIZES), 32, caches)
    assert len(_hidden(caches)) == 1, "its builder is alive"
    builder.kill()
    builder.join()
    let_go()
    open_image_cache(pictures(tmp_path / "images", _SIZES), 16, caches)
    assert _hidden(caches) == []


def _tell(annotations: PackedAnnotations, caches: Path, answers: Connection) -> None:
    logging.disable(logging.NOTSET)
    handler = logging.Handler()
    handler.emit = lambda record: answers.send(record.getMessage())  # pyright: ignore[reportAttributeAccessIssue]
    logger = logging.getLogger("lightweight_ssd.data.images.cache_builder")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    cache = open_image_cache(annotations, 32, caches)
    answers.send(int(cache[1].sum(dtype=np.int64)))


@pytest.mark.slow
def test_the_second_of_two_builders_waits_and_takes_what_the_first_made(tmp_path: Path) -> None:
    """Neither can read the second image before both are there."""
    annotations, caches = pictures(tmp_path / "images", _SIZES), tmp_path / "caches"
    let_go = hold_up(tmp_path / "images" / "1.png")
    pipes = [_FORK.Pipe() for _ in range(2)]
    first, second = (_FORK.Process(target=_tell, args=(annotations, caches, there)) for _, there in pipes)
    first.start()
    _wait_for(lambda: _hidden(caches))
    second.start()
    assert pipes[1][0].poll(300)
    assert (
        pipes[1][0].recv()
        == f"The image cache is being made by process {first.pid} on {os.uname().nodename}; waiting for it."
    )
    let_go()
    total = int(picture(1, 20, 30).sum(dtype=np.int64))
    assert pipes[1][0].poll(300) and pipes[1][0].recv() == total
    assert "are cached in" in pipes[0][0].recv() and pipes[0][0].recv() == total
    first.join()
    second.join()
    assert len(_visible(caches)) == 1 and _hidden(caches) == []


def test_a_cache_is_used_again_and_made_anew_when_a_file_changes(tmp_path: Path) -> None:
    annotations, caches = pictures(tmp_path / "images", _SIZES), tmp_path / "caches"
    first = open_image_cache(annotations, 32, caches)
    inode = (first.folder / PIXELS_FILE).stat().st_ino
    assert (open_image_cache(annotations, 32, caches).folder / PIXELS_FILE).stat().st_ino == inode
    write_picture(tmp_path / "images" / "2.png", 7, 20, 30)
    os.utime(tmp_path / "images" / "2.png", ns=(0, 0))  # the clock of a file system is coarse
    again = open_image_cache(annotations, 32, caches)
    assert np.array_equal(again[2], picture(7, 20, 30))
    assert again.folder == first.folder and len(_visible(caches)) == 1, "the outdated one is gone"
    assert np.array_equal(first[2], picture(2, 20, 30)), "who still maps the old one keeps it"


def test_other_files_and_another_side_have_caches_of_their_own(tmp_path: Path) -> None:
    annotations = pictures(tmp_path / "images", _SIZES)
    caches = [
        open_image_cache(annotations, 32, tmp_path / "caches"),
        open_image_cache(annotations, 16, tmp_path / "caches"),
        open_image_cache(annotations.take([0, 1]), 32, tmp_path / "caches"),
    ]
    assert len({cache.folder for cache in caches}) == 3


def test_machines_that_share_the_folder_leave_each_others_cache_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotations = pictures(tmp_path / "images", _SIZES)
    first = open_image_cache(annotations, 32, tmp_path / "caches")
    monkeypatch.setattr("socket.gethostname", lambda: "another")
    os.utime(tmp_path / "images" / "1.png", (1, 1))  # its own copy of the images
    assert open_image_cache(annotations, 32, tmp_path / "caches").folder != first.folder
    assert first.folder.is_dir()


def test_many_images_side_by_side_lie_in_their_order(tmp_path: Path) -> None:
    sizes = [(4 + number % 7, 5 + number % 11) for number in range(200)]
    cache = open_image_cache(pictures(tmp_path / "images", sizes), 32, tmp_path)
    assert all(np.array_equal(cache[number], picture(number, *size)) for number, size in enumerate(sizes))


def _break(folder: Path) -> None:
    (folder / "0.png").write_bytes((folder / "0.png").read_bytes()[:100])
    (folder / "2.png").unlink()


def test_a_wrong_file_stops_the_building_and_is_named(tmp_path: Path) -> None:
    annotations = pictures(tmp_path / "images", _SIZES)
    _break(tmp_path / "images")
    with pytest.raises(ValueError, match=r"0\.png.*truncated"):
        open_image_cache(annotations, 32, tmp_path / "caches")
    assert _visible(tmp_path / "caches") == [] and _hidden(tmp_path / "caches") == []


def test_wrong_files_can_be_left_to_whoever_asks_for_them(tmp_path: Path) -> None:
    annotations = pictures(tmp_path / "images", _SIZES)
    _break(tmp_path / "images")
    cache = open_image_cache(annotations, 32, tmp_path / "caches", "skip")
    assert list(cache.problems) == [0, 2]
    assert np.array_equal(cache[1], picture(1, 20, 30))
    with pytest.raises(ValueError, match=r"0\.png.*truncated"):
        cache[0]
    with pytest.raises(ValueError, match=r"0\.png.*truncated.*\(1 more images cannot be used\)"):
        open_image_cache(annotations, 32, tmp_path / "caches", "error")


def test_a_folder_of_wrong_files_is_no_data(tmp_path: Path) -> None:
    annotations = pictures(tmp_path / "images", _SIZES)
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"None of the 3 images .*0\.png"):
        open_image_cache(annotations, 32, tmp_path / "caches", "skip")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ValueError, match=r"Expected to write an image cache of 5\.4 kB to .*taken.*data\.cache_dir"):
        open_image_cache(pictures(tmp_path / "images", _SIZES), 32, tmp_path / "taken")


_ON_A_SMALL_DISK = """
from pathlib import Path
from lightweight_ssd.data.images.cache_builder import open_image_cache
from tests.cached_images import pictures
try:
    open_image_cache(pictures(Path({images!r}), [(300, 300)] * 4), 300, {disk!r})
except ValueError as error:
    print(error)
print(sorted(path.name for path in Path({disk!r}).iterdir()))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ("1m", "Expected 1.08 MB free on the disk of"),  # seen before anything is written
        ("9m,nr_inodes=5", "No space left on device: make room, set data.cache_dir"),  # not to be seen before
    ],
)
def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path, size: str, sentence: str) -> None:
    (tmp_path / "disk").mkdir()
    code = _ON_A_SMALL_DISK.format(images=str(tmp_path / "images"), disk=str(tmp_path / "disk"))
    ended = run_on_small_disk(tmp_path / "disk", size, code)
    assert ended.returncode == 0, ended.stderr
    assert sentence in ended.stdout and "data.cache_dir" in ended.stdout
    assert ended.stdout.endswith("['.locks']\n"), "nothing half-made is left"


def test_memory_that_no_machine_has_is_refused(tmp_path: Path) -> None:
    huge = Annotation.of_boxes(1, "/nowhere.jpg", 30000, 30000, np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    annotations = PackedAnnotations.from_annotations([huge._replace(image_id=n) for n in range(1000)], ("thing",))
    with pytest.raises(ValueError, match=r"Expected 2,700 GB of free memory for data\.cache=ram, but there are"):
        require_memory(annotations, 30000)
    require_memory(pictures(tmp_path, _SIZES), 32)


def test_opencv_keeps_its_threads(tmp_path: Path) -> None:
    before = cv2.getNumThreads()
    open_image_cache(pictures(tmp_path / "images", _SIZES), 32, tmp_path)
    assert cv2.getNumThreads() == before
