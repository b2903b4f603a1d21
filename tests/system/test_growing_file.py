"""A file that grows is whole under its name, whatever ended it."""

import json
import resource
from pathlib import Path

import pytest

from lightweight_ssd.system.atomic_write import NotWritten
from lightweight_ssd.system.growing_file import GrowingFile


def grown(path: Path) -> GrowingFile:
    return GrowingFile(path, "[\n", "\n]\n", ",\n")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_it_is_there_once_it_is_closed(tmp_path: Path, count: int) -> None:
    (tmp_path / "a.json").write_text("before")
    file = grown(tmp_path / "a.json")
    for number in range(count):
        file.add(str(number))
    assert (tmp_path / "a.json").read_text() == "before"
    file.close()
    assert json.loads((tmp_path / "a.json").read_text()) == list(range(count))
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_names_keep_their_bytes(tmp_path: Path) -> None:
    file = grown(tmp_path / "a.txt")
    file.add("caf\udce9")
    file.close()
    assert b"caf\xe9" in (tmp_path / "a.txt").read_bytes()


def test_without_room_what_was_whole_stays(tmp_path: Path) -> None:
    file = grown(tmp_path / "a.json")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # as a disk that is full after 1000 bytes
    try:
        file.add(json.dumps("a" * 500))
        with pytest.raises(NotWritten, match=r"^Expected to write \S+a\.json \(\S+ kB\), but got 'File too large'"):
            file.add(json.dumps("b" * 600))
        file.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert json.loads((tmp_path / "a.json").read_text()) == ["a" * 500]


def test_nothing_stays_of_one_that_cannot_be_begun_or_ended(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="No such file or directory"):
        grown(tmp_path / "none" / "a.json")
    (tmp_path / "b.json").mkdir()
    file = grown(tmp_path / "b.json")
    with pytest.raises(NotWritten, match="Is a directory"):
        file.close()
    file = grown(tmp_path / "c.json")
    file.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["b.json"]
