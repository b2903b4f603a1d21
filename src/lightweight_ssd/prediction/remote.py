"""An image or a video from a web server, within bounds of size and time, as a file that is gone afterwards."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError as TransferError

from lightweight_ssd.prediction.sources import Source
from lightweight_ssd.system.disk_space import format_bytes, one_sentence_when_full

__all__ = ["downloaded"]

_CHUNK = 1 << 16
_LARGEST = 2 * 10**9  # bytes
_SILENCE, _LONGEST = 20.0, 1800.0  # seconds without a byte, and for all of it
_MOST_REDIRECTS = 5
# What a server says of files that it knows nothing about, too
_TAKEN = ("image/", "video/", "application/octet-stream", "binary/octet-stream", "application/mp4", "application/ogg")


@contextmanager
def downloaded(
    source: Source, largest: int = _LARGEST, silence: float = _SILENCE, longest: float = _LONGEST
) -> Iterator[Path]:
    """A file with what lies at an address, in a temporary folder, until the end of the block.

    Only http and https are followed, also where the server sends us on. What comes is stored as it is; whoever reads it
    finds out whether it is an image.

    Args:
        source: An address.
        largest: Bytes that are taken at most.
        silence: Seconds without an answer or a byte that end it.
        longest: Seconds that it may take at most.

    Raises:
        ValueError: The server is out of reach, refuses, sends something else than an image or a video, too much, too
            slowly, or not all of it; or there is no room for it.
    """
    with tempfile.TemporaryDirectory(prefix="lssd-") as folder:
        path = Path(folder, "downloaded")
        with one_sentence_when_full(path.parent, "make room, or set TMPDIR to another folder."):
            _receive(source, path, largest, silence, time.monotonic() + longest)
        yield path


def _receive(source: Source, path: Path, largest: int, silence: float, end: float) -> None:
    headers = {"Accept": "image/*,video/*;q=0.9,*/*;q=0.1", "Accept-Encoding": "identity"}
    try:
        with requests.Session() as session:
            session.max_redirects = _MOST_REDIRECTS
            with session.get(source.place, headers=headers, stream=True, timeout=silence) as response:
                announced = _announced(response, source)
                _expect_at_most(largest, announced or 0, source)
                received = _store(response, path, largest, end, source)
    except (requests.RequestException, TransferError, TimeoutError) as error:
        raise ValueError(f"Expected an image or a video at {source} but {_reason(error)}.") from error
    if announced is not None and received < announced:
        raise ValueError(
            f"Expected {announced} bytes from {source} but the connection ended after {received}; try again."
        )


def _announced(response: requests.Response, source: Source) -> int | None:
    """Bytes that the server is going to send, if it says so, and sends what we can look at."""
    if response.status_code != 200:
        answer = f"{response.status_code} {response.reason}"
        raise ValueError(
            f"Expected an image or a video at {source} but the server answers {answer}: correct the address."
        )
    kind = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if kind and not kind.startswith(_TAKEN):
        raise ValueError(
            f"Expected an image or a video at {source} but the server sends {kind}: give the address of a file."
        )
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and "Content-Encoding" not in response.headers else None


def _store(response: requests.Response, path: Path, largest: int, end: float, source: Source) -> int:
    """The number of bytes that came."""
    received = 0
    with path.open("wb") as file:
        for chunk in response.iter_content(_CHUNK):
            received += len(chunk)
            _expect_at_most(largest, received, source)
            if time.monotonic() > end:
                raise TimeoutError("it takes too long")
            file.write(chunk)
    return received


def _expect_at_most(largest: int, size: int, source: Source) -> None:
    if size > largest:
        raise ValueError(
            f"Expected at most {format_bytes(largest)} at {source} but there is more: download it, and give the file."
        )


def _reason(error: Exception) -> str:
    """What went wrong in few words; the libraries nest theirs."""
    if isinstance(error, requests.TooManyRedirects):
        return f"the server sends on more than {_MOST_REDIRECTS} times: correct the address"
    if isinstance(error, requests.exceptions.InvalidSchema | requests.exceptions.InvalidURL):
        return "it leads to no address that begins with http:// or https://: correct it"
    if isinstance(error, requests.Timeout | TimeoutError) or "timed out" in str(error):
        return "the server takes too long: try again, or download it and give the file"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not valid: correct the address"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection ended before all had come: try again"
    return "it cannot be reached: check the address and your connection"
