import hashlib
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.archive_server import ArchiveServer
from tests.small_disk import run_on_small_disk

from lightweight_ssd.download.fetch import check_file, fetch, part_of

CONTENT = bytes(range(256)) * 1200  # 307,200 bytes, several chunks
HASHES = {"md5": hashlib.md5(CONTENT).hexdigest(), "sha256": hashlib.sha256(CONTENT).hexdigest()}


@pytest.fixture
def server():
    with ArchiveServer({"/a.tar": CONTENT}, etag='"one"') as running:
        yield running


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_and_is_alone(server: ArchiveServer, tmp_path: Path):
    fetch(server.url("/a.tar"), tmp_path / "a.tar", len(CONTENT), HASHES)
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    assert _names(tmp_path) == ["a.tar"]
    assert server.requests == [("/a.tar", None)]


def test_what_is_there_is_checked_and_not_asked_for(server: ArchiveServer, tmp_path: Path):
    path = tmp_path / "a.tar"
    path.write_bytes(CONTENT)
    fetch(server.url("/a.tar"), path, len(CONTENT), HASHES)
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(ValueError, match=rf"Expected the md5 {HASHES['md5']} of {path} but it is \w+: "):
        fetch(server.url("/a.tar"), path, len(CONTENT), HASHES)
    assert server.requests == []
    assert path.exists()  # it is the user's


def test_cut_connections_are_gone_on_with(server: ArchiveServer, tmp_path: Path):
    server.cuts = [100_000, 1, 70_000]
    fetch(server.url("/a.tar"), tmp_path / "a.tar", len(CONTENT), HASHES, attempts=2, wait=0.0)
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    ranges = [None, "bytes=100000-", "bytes=100001-", "bytes=170001-"]
    assert server.requests == [("/a.tar", asked) for asked in ranges]


def test_a_file_that_moved_is_followed_and_gone_on_with(server: ArchiveServer, tmp_path: Path):
    server.moved, server.cuts = {"/old.tar": "/a.tar"}, [100_000]
    fetch(server.url("/old.tar"), tmp_path / "old.tar", len(CONTENT), HASHES, attempts=2, wait=0.0)
    assert (tmp_path / "old.tar").read_bytes() == CONTENT
    assert server.requests[-2:] == [("/old.tar", "bytes=100000-"), ("/a.tar", "bytes=100000-")]


def test_a_later_call_goes_on(server: ArchiveServer, tmp_path: Path):
    server.cuts = [150_000, 0]
    with pytest.raises(ValueError, match=r"gave up after 2 attempts without progress .*it goes on after 150 kB"):
        fetch(server.url("/a.tar"), tmp_path / "a.tar", len(CONTENT), attempts=2, wait=0.0)
    assert part_of(tmp_path / "a.tar").read_bytes() == CONTENT[:150_000]
    assert not (tmp_path / "a.tar").exists()
    fetch(server.url("/a.tar"), tmp_path / "a.tar", len(CONTENT), HASHES)
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    assert server.requests[-1] == ("/a.tar", "bytes=150000-")


def test_a_server_that_cannot_go_on_begins_again(server: ArchiveServer, tmp_path: Path):
    server.ranges, server.cuts = False, [200_000, 100_000]
    fetch(server.url("/a.tar"), tmp_path / "a.tar", len(CONTENT), HASHES, attempts=3, wait=0.0)
    assert (tmp_path / "a.tar").read_bytes() == CONTENT


def test_a_server_that_never_gets_further_is_given_up(server: ArchiveServer, tmp_path: Path):
    server.ranges, server.cuts = False, [200_000, 100_000, 200_000, 100_000, 200_000]
    with pytest.raises(ValueError, match="gave up after 3 attempts without progress"):
        fetch(server.url("/a.tar"), tmp_path / "a.tar", attempts=3, wait=0.0)
    assert len(server.requests) == 3


def test_a_file_that_changed_in_between_is_not_mixed(server: ArchiveServer, tmp_path: Path):
    server.cuts = [150_000, 0]
    with pytest.raises(ValueError, match="gave up"):
        fetch(server.url("/a.tar"), tmp_path / "a.tar", attempts=1, wait=0.0)
    server.cuts, server.etag, server.files["/a.tar"] = [], '"two"', CONTENT[::-1]
    fetch(server.url("/a.tar"), tmp_path / "a.tar")  # nothing but the server's word tells the two apart
    assert (tmp_path / "a.tar").read_bytes() == CONTENT[::-1]


def test_a_file_that_is_shorter_now_begins_again(server: ArchiveServer, tmp_path: Path):
    part_of(tmp_path / "a.tar").write_bytes(CONTENT + b"more")
    fetch(server.url("/a.tar"), tmp_path / "a.tar", hashes=HASHES, wait=0.0)
    assert (tmp_path / "a.tar").read_bytes() == CONTENT


@pytest.mark.parametrize(("size", "requests"), [(len(CONTENT), 0), (None, 1)])
def test_a_part_that_is_whole_becomes_the_file(size: int | None, requests: int, server: ArchiveServer, tmp_path: Path):
    part_of(tmp_path / "a.tar").write_bytes(CONTENT)
    fetch(server.url("/a.tar"), tmp_path / "a.tar", size, HASHES)
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    assert len(server.requests) == requests


def test_a_length_that_nobody_knows_is_no_hindrance(server: ArchiveServer, tmp_path: Path):
    server.says_length = False
    fetch(server.url("/a.tar"), tmp_path / "a.tar", hashes=HASHES)
    assert (tmp_path / "a.tar").read_bytes() == CONTENT


def test_a_wrong_hash_leaves_nothing(server: ArchiveServer, tmp_path: Path):
    with pytest.raises(ValueError, match=r"Expected the sha256 0000 of .* but it is"):
        fetch(server.url("/a.tar"), tmp_path / "a.tar", len(CONTENT), {"sha256": "0000"})
    assert _names(tmp_path) == []


def test_another_size_is_noticed_before_the_download(server: ArchiveServer, tmp_path: Path):
    with pytest.raises(ValueError, match=r"Expected 5 bytes at http://.*/a.tar but the server offers 307200: "):
        fetch(server.url("/a.tar"), tmp_path / "a.tar", 5)
    assert _names(tmp_path) == []


def test_a_wrong_size_without_a_length_is_noticed_too(server: ArchiveServer, tmp_path: Path):
    server.says_length = False
    with pytest.raises(ValueError, match=r"Expected 5 bytes in .* but it has 307200"):
        fetch(server.url("/a.tar"), tmp_path / "a.tar", 5)
    assert _names(tmp_path) == []


def test_a_server_that_is_busy_is_asked_again(server: ArchiveServer, tmp_path: Path):
    server.statuses = [503, 429, 200]
    fetch(server.url("/a.tar"), tmp_path / "a.tar", hashes=HASHES, attempts=3, wait=0.0)
    assert len(server.requests) == 3


def test_waits_grow_and_a_server_may_ask_for_longer_ones(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    waits: list[float] = []
    monkeypatch.setattr("lightweight_ssd.download.fetch.time", SimpleNamespace(sleep=waits.append))  # not the server's
    server.statuses = [503] * 4
    fetch(server.url("/a.tar"), tmp_path / "a.tar", hashes=HASHES, wait=3.0)
    assert waits == [0, 6, 12, 24]
    for asked, expected in (("20", 20), ("100000", 60), ("soon", 0)):
        waits.clear()
        server.statuses, server.retry_after = [429], asked
        fetch(server.url("/a.tar"), tmp_path / f"{asked}.tar", hashes=HASHES, wait=3.0)
        assert waits == [expected]


def test_a_missing_file_is_said_at_once(server: ArchiveServer, tmp_path: Path):
    with pytest.raises(ValueError, match=r"Expected a file at http://.*/b.tar but the server answers 404 Not Found: "):
        fetch(server.url("/b.tar"), tmp_path / "b.tar")
    assert len(server.requests) == 1


def test_nobody_at_the_address_is_said_in_few_words(tmp_path: Path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/a.tar"
        with pytest.raises(ValueError, match=r"gave up after 2 attempts without progress .*111\] .*refused\): "):
            fetch(url, tmp_path / "a.tar", attempts=2, wait=0.0)


def test_a_server_that_falls_silent_counts_as_cut(server: ArchiveServer, tmp_path: Path):
    server.held = 0
    with pytest.raises(ValueError, match=r"gave up after 1 attempt without progress \(.*timed out"):
        fetch(server.url("/a.tar"), tmp_path / "a.tar", attempts=1, timeout=0.5)


@pytest.mark.parametrize("url", ["ftp://example.org/a.tar", "a.tar", "http://"])
def test_an_address_of_another_kind_is_refused(url: str, tmp_path: Path):
    with pytest.raises(ValueError, match="Expected an address that begins with http:// or https:// but got"):
        fetch(url, tmp_path / "a.tar")


def test_a_full_disk_keeps_what_came(server: ArchiveServer, tmp_path: Path):
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    code = f"""
import shutil
from pathlib import Path
from lightweight_ssd.download.fetch import fetch
try:
    fetch({server.url("/a.tar")!r}, Path({str(disk)!r}) / "a.tar")
except ValueError as error:
    print(error)
shutil.copytree({str(disk)!r}, {str(kept)!r})
"""
    ended = run_on_small_disk(disk, "200k", code)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(f"Expected room to write in {disk} but the disk is full (No space left on device): ")
    assert ended.stdout.endswith("make room and call the same command again; it goes on.\n")
    assert server.requests == [("/a.tar", None)]  # a full disk is no reason to try again
    assert _names(kept) == ["a.tar.part", "a.tar.part.validator"]
    had = (kept / "a.tar.part").stat().st_size
    fetch(server.url("/a.tar"), kept / "a.tar", len(CONTENT), HASHES)  # there is room now
    assert server.requests[-1] == ("/a.tar", f"bytes={had}-")
    assert had > 100_000


def test_check_of_nothing_known_accepts_anything(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"x")
    check_file(tmp_path / "a", None, {})
