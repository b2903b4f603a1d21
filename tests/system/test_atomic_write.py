"""A file that is written is the old one or the new one, whatever happens."""

import errno
import os
import re
import stat
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.small_disk import run_on_small_disk

from lightweight_ssd.system.atomic_write import NotWritten, write_atomic


@pytest.mark.parametrize("durable", [False, True])
def test_replaces_and_leaves_nothing_beside(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.json"
    for content in (b"", b"first", b"second"):
        write_atomic(path, content, durable)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_keeps_the_file_that_it_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomic(path, b"first")
    with path.open("rb") as opened:
        write_atomic(path, b"second")
        assert opened.read() == b"first"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match=r"Expected to write .*missing/a\.json .* but got 'No such file or directory'"):
        write_atomic(tmp_path / "missing" / "a.json", b"x")


@pytest.mark.parametrize("durable", [False, True])
def test_a_full_disk_leaves_the_old_file_and_its_room(tmp_path: Path, durable: bool) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    code = f"""
from pathlib import Path
from lightweight_ssd.system.atomic_write import NotWritten, write_atomic
path = Path({str(disk / "a")!r})
write_atomic(path, b"1" * 60_000, {durable})
for _ in range(3):
    try:
        write_atomic(path, b"2" * 60_000, {durable})
    except NotWritten as error:
        print(error)
print([(each.name, each.read_bytes() == b"1" * 60_000) for each in path.parent.iterdir()])
"""
    ended = run_on_small_disk(disk, "100k", code)
    *sentences, left = ended.stdout.splitlines()
    assert left == "[('a', True)]", ended.stderr
    assert len(sentences) == 3 and "No space left on device" in sentences[0] and "make room" in sentences[0]
    assert "/a (60 kB), but got" in sentences[0] and re.search(r"; [\d.]+ kB are free: make room", sentences[0])


@pytest.mark.parametrize(("number", "stops"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)])
def test_a_folder_that_cannot_be_synced_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, stops: bool
) -> None:
    sync = os.fsync

    def refuse_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    with pytest.raises(NotWritten, match="Input/output error") if stops else nullcontext():
        write_atomic(tmp_path / "a.json", b"whole", durable=True)
    assert (tmp_path / "a.json").read_bytes() == b"whole"


def test_two_processes_may_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    code = f"""
from pathlib import Path
from lightweight_ssd.system.atomic_write import write_atomic
for _ in range(300):
    write_atomic(Path({str(path)!r}), b"x" * 50_000, shared=True)
"""
    writers = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [writer.communicate(timeout=60)[1] for writer in writers] == ["", ""]
    assert path.read_bytes() == b"x" * 50_000 and list(tmp_path.iterdir()) == [path]
