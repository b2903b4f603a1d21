"""Reading a cache: the right pixels, none of them writable, one mapping for all processes."""

import gc
import multiprocessing
import os
import pickle
import re
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.cached_images import picture, pictures

from lightweight_ssd.data.images.cache import INDEX_FILE, PIXELS_FILE, ImageCache, cached_sizes
from lightweight_ssd.data.images.cache_builder import open_image_cache


def test_nothing_is_enlarged_and_no_side_vanishes() -> None:
    sizes = cached_sizes(np.array([[10, 20], [40, 20], [1, 4000], [20, 20]], np.int32), 20)
    assert sizes.tolist() == [[10, 20], [20, 10], [1, 20], [20, 20]]
    assert cached_sizes(np.zeros((0, 2), np.int32), 20).shape == (0, 2)


def test_small_images_are_kept_and_large_ones_shrunk_by_area(tmp_path: Path) -> None:
    cache = open_image_cache(pictures(tmp_path / "images", [(9, 16), (64, 48)]), 32, tmp_path)
    assert len(cache) == 2
    assert np.array_equal(cache[0], picture(0, 9, 16))
    assert np.array_equal(cache[1], cv2.resize(picture(1, 64, 48), (24, 32), interpolation=cv2.INTER_AREA))


def test_nobody_can_write_into_it(tmp_path: Path) -> None:
    cache = open_image_cache(pictures(tmp_path / "images", [(9, 16)]), 32, tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        cache[0][0, 0, 0] = 1


def test_file_names_of_any_kind(tmp_path: Path) -> None:
    annotations = pictures(tmp_path / "im\udcffages, ‘Größe’\n", [(9, 16), (8, 8)])
    cache = open_image_cache(annotations, 32, tmp_path)
    assert np.array_equal(cache[1], picture(1, 8, 8))


def _read(cache: ImageCache, answers: Connection) -> None:
    total = int(sum(cache[index].sum(dtype=np.int64) for index in range(len(cache))))
    lines = Path("/proc/self/smaps").read_text()
    _, _, after = lines.partition(f"{cache.folder / PIXELS_FILE}\n")
    inode = re.search(rf"(\d+)\s+{re.escape(str(cache.folder / PIXELS_FILE))}\n", lines)
    copied = re.search(r"Anonymous:\s+(\d+) kB", after)  # and not "dirty", which the file's own pages may still be
    assert inode and copied
    answers.send((total, int(inode[1]), int(copied[1])))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_forked_and_spawned_workers_read_one_mapping(tmp_path: Path, method: str) -> None:
    cache = open_image_cache(pictures(tmp_path / "images", [(60, 90), (80, 50)]), 96, tmp_path)
    context: Any = multiprocessing.get_context(method)
    pipes = [context.Pipe() for _ in range(2)]
    workers = [context.Process(target=_read, args=(cache, there)) for _, there in pipes]
    for worker in workers:
        worker.start()
    answers = [here.recv() for here, _ in pipes]
    for worker in workers:
        worker.join()
    total = int(picture(0, 60, 90).sum(dtype=np.int64) + picture(1, 80, 50).sum(dtype=np.int64))
    inode = (cache.folder / PIXELS_FILE).stat().st_ino
    assert answers == [(total, inode, 0)] * 2, "the same pages, none of them copied"


def test_a_pickle_holds_no_pixels_and_minds_a_change(tmp_path: Path) -> None:
    annotations = pictures(tmp_path / "images", [(60, 90)])
    sent = pickle.dumps(open_image_cache(annotations, 96, tmp_path))
    assert len(sent) < 1000
    assert np.array_equal(pickle.loads(sent)[0], picture(0, 60, 90))
    os.utime(tmp_path / "images" / "0.png", ns=(0, 0))  # the same file, written at another time
    open_image_cache(annotations, 96, tmp_path)
    with pytest.raises(ValueError, match="they changed: start again"):
        pickle.loads(sent)


@pytest.mark.parametrize("damaged", [INDEX_FILE, PIXELS_FILE])
@pytest.mark.parametrize("left", [0, 20])
def test_a_damaged_cache_is_refused_and_made_anew(tmp_path: Path, damaged: str, left: int) -> None:
    annotations = pictures(tmp_path / "images", [(60, 90)])
    cache = open_image_cache(annotations, 96, tmp_path)
    file = cache.folder / damaged
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(ValueError, match="delete it"):
        ImageCache(cache.folder, cache.key)
    assert np.array_equal(open_image_cache(annotations, 96, tmp_path)[0], picture(0, 60, 90))


def test_a_damaged_index_is_closed_again(tmp_path: Path) -> None:
    (tmp_path / PIXELS_FILE).write_bytes(bytes(12))
    (tmp_path / INDEX_FILE).write_bytes(b"PK\x03\x04 and no more")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pytest.raises(ValueError, match="delete it"):
            ImageCache(tmp_path, "key")
        gc.collect()
    assert not [each for each in said if each.category is ResourceWarning]
