"""Images and videos from a real web server of this machine, and what it may not do."""

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from tests.archive_server import ArchiveServer

from lightweight_ssd.prediction.remote import downloaded
from lightweight_ssd.prediction.sources import Source


def jpeg() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (60, 40), (9, 99, 199)).save(content, "JPEG")
    return content.getvalue()


@pytest.fixture
def web() -> Iterator[ArchiveServer]:
    with ArchiveServer({"/a.jpg": jpeg(), "/big.jpg": jpeg() + bytes(200_000)}) as started:
        yield started


def fetched(url: str, **bounds: float) -> bytes:
    with downloaded(Source("address", url), **bounds) as path:  # type: ignore
        content = path.read_bytes()
    assert not path.exists() and not path.parent.exists()
    return content


def test_it_comes_and_is_gone_afterwards(web: ArchiveServer) -> None:
    assert fetched(web.url("/a.jpg?x=1#y")[: -len("?x=1#y")]) == jpeg()
    web.moved["/old.jpg"] = "/a.jpg"
    assert fetched(web.url("/old.jpg")) == jpeg()


def test_the_server_may_not_send_us_to_a_file(web: ArchiveServer, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(jpeg())
    for place in (f"file://{tmp_path}/secret.jpg", "ftp://127.0.0.1/a.jpg"):
        web.moved["/a.jpg"] = place
        with pytest.raises(ValueError, match=r"but it leads to no address that begins with http:// or https://"):
            fetched(web.url("/a.jpg"))
    web.moved["/a.jpg"] = "/a.jpg"
    with pytest.raises(ValueError, match="the server sends on more than 5 times"):
        fetched(web.url("/a.jpg"))


@pytest.mark.parametrize("says_length", [True, False])
def test_what_is_too_large_is_not_taken(web: ArchiveServer, says_length: bool) -> None:
    web.says_length = says_length
    with pytest.raises(ValueError, match=r"^Expected at most 100 kB at http://\S+ but there is more: download it"):
        fetched(web.url("/big.jpg"), largest=100_000)


def test_a_server_that_says_nothing_is_not_waited_for(web: ArchiveServer) -> None:
    web.held = 10_000
    started = time.monotonic()
    with pytest.raises(ValueError, match="but the server takes too long"):
        fetched(web.url("/big.jpg"), silence=0.3)
    assert time.monotonic() - started < 60
    web.held, web.pause = None, 0.05  # and one that sends a little now and then
    with pytest.raises(ValueError, match="but the server takes too long"):
        fetched(web.url("/big.jpg"), longest=0.2)


@pytest.mark.parametrize("says_length", [True, False])
def test_half_an_answer_is_none(web: ArchiveServer, says_length: bool) -> None:
    web.cuts = [50_000]
    web.says_length = says_length
    if says_length:
        with pytest.raises(ValueError, match=r"the connection ended|cannot be reached"):
            fetched(web.url("/big.jpg"))
    else:  # nobody can know; the reader of images finds out
        assert len(fetched(web.url("/big.jpg"))) == 50_000


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json", "application/vnd.apple.mpegurl"])
def test_a_page_is_no_image(kind: str) -> None:
    with ArchiveServer({"/a.jpg": b"<html></html>"}) as web:
        web.kind = kind
        with pytest.raises(ValueError, match=rf"but the server sends {kind.split(';')[0]}: give the address of a file"):
            fetched(web.url("/a.jpg"))


def test_refusals_and_nobody_there_are_one_sentence(web: ArchiveServer) -> None:
    with pytest.raises(ValueError, match=r"but the server answers 404 Not Found: correct the address\.$"):
        fetched(web.url("/none.jpg"))
    web.statuses = [503]
    with pytest.raises(ValueError, match="but the server answers 503"):
        fetched(web.url("/a.jpg"))
    with pytest.raises(
        ValueError, match=r"^Expected an image or a video at http://127\.0\.0\.1:1/a\.jpg but it cannot"
    ):
        fetched("http://127.0.0.1:1/a.jpg")
    with pytest.raises(ValueError, match=r"leads to no address|cannot be reached"):
        fetched("http://")


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(ValueError) as raised:
        fetched("http://me:secret@127.0.0.1:1/a.jpg")
    assert "secret" not in str(raised.value)
    assert threading.active_count() < 50
