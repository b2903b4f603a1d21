"""A file of arrays is read as it was written, or refused; never read wrongly."""

import multiprocessing
import os
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.small_disk import run_on_small_disk

from lightweight_ssd.system.array_file import read_arrays, write_arrays

ARRAYS = {
    "flags": np.array([True, False, True]),
    "none": np.zeros((0, 4), np.float32),
    "boxes": np.arange(12, dtype=np.float32).reshape(3, 4),
    "every_other": np.arange(10)[::2],
    "large": np.arange(100_000),  # more than is read at once
}


def is_mapped(path: Path) -> bool:
    return str(path) in Path("/proc/self/maps").read_text()


def test_what_goes_in_comes_out_aligned_and_read_only(tmp_path: Path) -> None:
    path = tmp_path / "a.arrays"
    write_arrays(path, {"name": "späte \udcff\nBlüte", "count": [1, 2]}, ARRAYS)
    texts, arrays = read_arrays(path)
    assert texts == {"name": "späte \udcff\nBlüte", "count": [1, 2]}
    assert list(arrays) == list(ARRAYS)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, ARRAYS[name], strict=True)
        assert array.flags.aligned and not array.flags.writeable
    assert list(tmp_path.iterdir()) == [path]


def test_no_arrays_are_arrays_too(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a", {}, {})
    assert read_arrays(tmp_path / "a") == ({}, {})


def test_every_byte_that_is_changed_cut_off_or_added_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_arrays(path, {"name": "a"}, {"boxes": ARRAYS["boxes"], "flags": ARRAYS["flags"]})
    whole = path.read_bytes()
    damaged = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in range(len(whole))]
    damaged += [whole[:length] for length in range(len(whole))] + [whole + b"\0"]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ValueError, match="checksum"):
            read_arrays(path)


def test_it_is_mapped_from_a_disk_of_this_machine_only(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a", {}, ARRAYS)
    _, arrays = read_arrays(tmp_path / "a")
    assert is_mapped(tmp_path / "a") == (os.major(tmp_path.stat().st_dev) != 0)
    del arrays
    assert not is_mapped(tmp_path / "a")


def test_a_file_system_without_a_disk_is_copied_from_and_may_be_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    code = f"""
from pathlib import Path
import numpy as np
from lightweight_ssd.system.array_file import read_arrays, write_arrays
path = Path({str(disk / "a")!r})
write_arrays(path, {{}}, {{"ones": np.ones(60_000, np.uint8)}})
_, arrays = read_arrays(path)
print(str(path) in Path("/proc/self/maps").read_text(), arrays["ones"].all(), arrays["ones"].flags.writeable)
try:
    write_arrays(path, {{}}, {{"ones": np.zeros(60_000, np.uint8)}})
except OSError as error:
    print(error.strerror)
print([each.name for each in path.parent.iterdir()], read_arrays(path)[1]["ones"].all())
path.write_bytes(path.read_bytes()[:-1])
try:
    read_arrays(path)
except ValueError as error:
    print(error)
"""
    ended = run_on_small_disk(disk, "100k", code)
    assert ended.stdout.splitlines() == [
        "False True False", "No space left on device", "['a'] True", "its checksum is not that of its content",
    ], ended.stderr  # fmt: skip


def test_who_has_a_file_mapped_keeps_it_when_it_is_replaced_or_removed(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a", {}, {"large": ARRAYS["large"]})
    _, first = read_arrays(tmp_path / "a")
    write_arrays(tmp_path / "a", {}, {"large": np.zeros(3)})
    _, second = read_arrays(tmp_path / "a")
    (tmp_path / "a").unlink()
    assert (first["large"].sum(), second["large"].sum()) == (ARRAYS["large"].sum(), 0)


def _write_often(path: Path, number: int) -> None:
    for _ in range(100):
        write_arrays(path, {}, {"large": np.full(50_000, number)})


@pytest.mark.slow
def test_two_writers_at_once_never_show_a_mixture(tmp_path: Path) -> None:
    path, found = tmp_path / "a", set()
    _write_often(path, 1)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        writers = [pool.submit(_write_often, path, number) for number in (1, 2)]
        while not all(writer.done() for writer in writers):
            array = read_arrays(path)[1]["large"]
            found.add((int(array.min()), int(array.max())))
        for writer in writers:
            writer.result()
    assert found <= {(1, 1), (2, 2)} and found
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "gone"))):
        read_arrays(tmp_path / "gone")
