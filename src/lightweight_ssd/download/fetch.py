"""One file from a web server: resumed where it was cut off, and under its name only once it is whole and right.

What has arrived lies beside the final place, with `.part` at the end of its name, and stays there through cut
connections, Ctrl-C and a full disk. A server that changed the file in between, or that cannot resume, begins again.
"""

import hashlib
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError as TransferError
from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.util import Retry

from lightweight_ssd.system.disk_space import format_bytes, one_sentence_when_full

__all__ = ["check_file", "discard", "fetch", "part_of"]

log = logging.getLogger(__name__)
_CHUNK = 1 << 16  # what a connection that breaks may take along
_LONGEST_WAIT = 60.0
_PASSING_STATUS = (408, 425, 429, 500, 502, 503, 504)
_WITHOUT_BAR = 10**7  # bytes, written or hashed within a blink


class _Cut(Exception):
    """Something that may go better the next time.

    Args:
        reason: In a few words.
        retry_after: Seconds that the server asks to wait.
    """

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


_PASSING = (_Cut, requests.ConnectionError, requests.Timeout, TransferError, ConnectionError, TimeoutError)


class _Transfer(NamedTuple):
    """What does not change between the attempts at one file."""

    session: requests.Session
    url: str
    part: Path
    size: int | None
    timeout: float


def part_of(path: Path) -> Path:
    """Where a file lies as long as it is not whole."""
    return path.with_name(f"{path.name}.part")


def discard(path: Path) -> None:
    """Removes what has come of a file that is not whole."""
    _remove(part_of(path))


def fetch(
    url: str,
    path: Path,
    size: int | None = None,
    hashes: Mapping[str, str] | None = None,
    attempts: int = 6,
    timeout: float = 30.0,
    wait: float = 1.0,
) -> None:
    """Downloads a file, or goes on with it; one that is there already is only checked.

    Args:
        url: Address, http or https.
        path: Final place; its folder exists.
        size: Bytes; None where it is not known.
        hashes: Expected digests in hexadecimal by algorithm, such as `{"md5": "…"}`; those known are all checked.
        attempts: Attempts in a row that bring nothing new before giving up, at least 1.
        timeout: Seconds without an answer or a byte that count as a cut connection.
        wait: Unit of the waits, seconds: the second attempt in a row follows at once, then come 2, 4, 8, … units; as
            long as the server asks for if that is longer; at most a minute.

    Raises:
        ValueError: The server refuses, offers another size, is out of reach, or what came is not what was expected;
            or the disk is full. What is wrong is removed, what is only incomplete stays.
    """
    if not path.exists():
        with requests.Session() as session:
            _receive_all(_Transfer(session, url, part_of(path), size, timeout), attempts, wait)
        try:
            check_file(part_of(path), size, hashes or {})
        except ValueError:
            discard(path)  # it would never become right
            raise
        _validator_file(part_of(path)).unlink(missing_ok=True)
        part_of(path).rename(path)
    else:
        check_file(path, size, hashes or {})


def check_file(path: Path, size: int | None, hashes: Mapping[str, str]) -> None:
    """Compares a file with what is known of it.

    Raises:
        ValueError: It has another size or another digest.
    """
    length = path.stat().st_size
    if size is not None and length != size:
        raise ValueError(
            f"Expected {size} bytes in {path} but it has {length}: remove it and call the same command again."
        )
    for name, digest in _digests(path, tuple(hashes)).items():
        if digest != hashes[name].lower():
            raise ValueError(
                f"Expected the {name} {hashes[name]} of {path} but it is {digest}: the file is damaged or another one; "
                "without it, call the same command again, or correct the address or the hash in the configuration."
            )


def _digests(path: Path, algorithms: tuple[str, ...]) -> dict[str, str]:
    if not algorithms:
        return {}
    hashers = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    with path.open("rb") as file, _bar(path, "checking", path.stat().st_size) as bar:
        while chunk := file.read(_CHUNK):
            for hasher in hashers.values():
                hasher.update(chunk)
            bar.update(len(chunk))
    return {name: hasher.hexdigest() for name, hasher in hashers.items()}


def _receive_all(transfer: _Transfer, attempts: int, wait: float) -> None:
    """Repeats until the file is whole; an attempt that got further than all before it makes the count begin again.

    urllib3's `Retry` counts and spaces the attempts. It is not left to the HTTP adapter, which repeats a request as it
    was: here each one asks for what is still missing, and an answer that breaks off in its body counts, too.
    """
    all_attempts = Retry(total=attempts - 1, backoff_factor=wait, backoff_max=_LONGEST_WAIT)
    retry, furthest = all_attempts, _length(transfer.part)
    while transfer.size is None or _length(transfer.part) != transfer.size:
        try:
            with one_sentence_when_full(transfer.part.parent, "make room and call the same command again; it goes on."):
                return _receive(transfer)
        except requests.exceptions.SSLError as error:
            raise ValueError(f"Expected a certificate that is valid for {transfer.url} but: {error}") from error
        except _PASSING as error:
            if _length(transfer.part) > furthest:
                retry, furthest = all_attempts, _length(transfer.part)
            retry = _wait_for_next(transfer, retry, attempts, error)
    return None


def _wait_for_next(transfer: _Transfer, retry: Retry, attempts: int, error: Exception) -> Retry:
    """Waits until the next attempt is due, or raises a ValueError after the last."""
    try:
        retry = retry.increment("GET", transfer.url, error=error)
    except MaxRetryError:
        count = f"{attempts} attempt{'' if attempts == 1 else 's'}"
        raise ValueError(
            f"Expected {transfer.url} to arrive but gave up after {count} without progress ({_reason(error)}): "
            f"call the same command again; it goes on after {format_bytes(_length(transfer.part))}."
        ) from error
    asked = error.retry_after if isinstance(error, _Cut) else 0.0
    seconds = min(max(retry.get_backoff_time(), asked), _LONGEST_WAIT)
    log.warning("%s: %s; trying again in %.0f s.", transfer.part.stem, _reason(error), seconds)
    time.sleep(seconds)
    return retry


def _receive(transfer: _Transfer) -> None:
    """One request, for what is still missing."""
    have = _length(transfer.part)
    headers = {"Accept-Encoding": "identity"}  # a compressed transfer could not be resumed
    if have:
        headers |= {"Range": f"bytes={have}-", **_if_unchanged(transfer.part)}
    try:
        response = transfer.session.get(transfer.url, headers=headers, stream=True, timeout=transfer.timeout)
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema) as e:
        raise ValueError(f"Expected an address that begins with http:// or https:// but got {transfer.url}.") from e
    with response:
        if response.status_code == 416 and response.headers.get("Content-Range") == f"bytes */{have}":
            return  # all of it was here
        start = _start(response, transfer, have)
        total = _total(response, start)
        if transfer.size is not None and total not in (None, transfer.size):
            raise ValueError(
                f"Expected {transfer.size} bytes at {transfer.url} but the server offers {total}: it has another file; "
                "correct the address, or the size and the hash, in the configuration."
            )
        _append(response, transfer.part, start, total)
    if total is not None and _length(transfer.part) != total:
        raise _Cut(f"the connection ended after {_length(transfer.part)} of {total} bytes")


def _start(response: requests.Response, transfer: _Transfer, have: int) -> int:
    """The byte at which the answer begins: 0 where the server sends everything, whatever was asked for."""
    if response.status_code == 200:
        if have:
            log.warning("%s: the server cannot go on with it; beginning again.", transfer.part.stem)
        return 0
    if response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        return have
    if response.status_code in (206, 416):  # what is here is no beginning of what is there
        _remove(transfer.part)
        raise _Cut("the server has other bytes than those received before")
    answer = f"{response.status_code} {response.reason}"
    if response.status_code in _PASSING_STATUS:
        raise _Cut(f"the server answers {answer}", _retry_after(response))
    raise ValueError(f"Expected a file at {transfer.url} but the server answers {answer}: correct the address.")


def _retry_after(response: requests.Response) -> float:
    """Seconds that the server asks to wait; 0 where it does not say, or not in a way that can be read."""
    try:
        return float(Retry().parse_retry_after(response.headers.get("Retry-After", "0")))
    except InvalidHeader:
        return 0.0


def _total(response: requests.Response, start: int) -> int | None:
    """Size of the whole file as the server sees it."""
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdecimal() else None


def _append(response: requests.Response, part: Path, start: int, total: int | None) -> None:
    if start == 0:
        _remember_validator(response, part)
    with part.open("ab" if start else "wb") as file, _bar(part.with_suffix(""), "", total, start) as bar:
        for chunk in response.raw.stream(_CHUNK, decode_content=False):
            file.write(chunk)
            bar.update(len(chunk))
        file.flush()
        os.fsync(file.fileno())


def _remember_validator(response: requests.Response, part: Path) -> None:
    """Keeps what distinguishes this file from a later one at its address, for the `If-Range` of a resumed download."""
    tag = response.headers.get("ETag", "")
    validator = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")
    _validator_file(part).write_text(validator, encoding="latin-1")


def _if_unchanged(part: Path) -> dict[str, str]:
    file = _validator_file(part)
    validator = file.read_text(encoding="latin-1") if file.is_file() else ""
    return {"If-Range": validator} if validator else {}


def _validator_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.validator")


def _remove(part: Path) -> None:
    part.unlink(missing_ok=True)
    _validator_file(part).unlink(missing_ok=True)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    """A cut connection in few words; the libraries nest theirs."""
    while isinstance(error.__context__, Exception) and not isinstance(error, _Cut):
        error = error.__context__
    return str(error) or type(error).__name__


def _bar(path: Path, action: str, total: int | None, initial: int = 0) -> tqdm:
    small = total is not None and total < _WITHOUT_BAR
    title = f"{action} {path.name}".strip()
    return tqdm(desc=title, total=total, initial=initial, unit="B", unit_scale=True, mininterval=0.5, disable=small)
