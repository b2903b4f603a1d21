"""Archives from elsewhere, unpacked as if their author meant harm: plain files and folders only, all below one folder.

Refused, with everything that was unpacked removed again: names that lead out of the folder, links, devices and sparse
files, a file that stands in it twice, more bytes than expected, and an archive that is damaged or ends too early.
"""

import errno
import lzma
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

from tqdm import tqdm

from lightweight_ssd.system.disk_space import format_bytes, one_sentence_when_full

__all__ = ["unpack"]

_CHUNK = 1 << 20
_LEAST = 512  # bytes that an entry counts, so that a million empty files are a bomb too
_RATIO = 10  # times its own size that an archive may unfold to where nothing else is said
_WITHOUT_BAR = 10**7  # bytes, written within a blink
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
# What the libraries raise on bytes that no packer wrote.
_DAMAGED = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
    EOFError, OverflowError, RuntimeError, ValueError,
)  # fmt: skip
_IMPOSSIBLE = (errno.EINVAL, errno.ENAMETOOLONG, errno.EILSEQ)  # places and names that no file has


class _Refused(Exception):
    """What the archive holds that no data set needs, as the end of a sentence."""


class _Entry(NamedTuple):
    """What an archive says of one of its files; `kind` is file, folder, or the word for what is refused."""

    name: str
    kind: str
    size: int
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, folder: Path, limit: int | None = None) -> int:
    """Unpacks a `.tar` or `.zip` into a new folder, all of it or nothing.

    Args:
        archive: The file; its content says whether it is tar or zip.
        folder: Does not exist yet; it is there afterwards, or not at all if anything goes wrong.
        limit: Bytes to which the archive may unfold, each entry counting at least 512; None is ten times its size.

    Returns:
        Number of files.

    Raises:
        ValueError: The archive is damaged or holds what is refused, or the disk is full.
    """
    limit = _RATIO * archive.stat().st_size if limit is None else limit
    folder.mkdir()
    try:
        with (
            one_sentence_when_full(folder.parent, "make room and call the same command again."),
            _in_one_sentence(archive),
            _entries(archive) as (entries, total),
            tqdm(
                desc=f"unpacking {archive.name}", total=total, unit="B", unit_scale=True, disable=total < _WITHOUT_BAR
            ) as bar,
        ):
            return _unpack_all(entries, folder, limit, bar)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _unpack_all(entries: Iterator[_Entry], folder: Path, limit: int, bar: tqdm) -> int:
    files = room = 0
    for entry in entries:
        target = folder.joinpath(*_parts(entry))
        room += max(entry.size, _LEAST)
        if room > limit:
            raise _Refused(f"unfolds to more than the {format_bytes(limit)} that are expected")
        try:
            if entry.kind == "folder":
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(entry, target, bar)
        except (FileExistsError, NotADirectoryError):
            raise _Refused(f"holds {entry.name!r} twice, or a file in place of its folder") from None
        files += 1
    bar.update(bar.total - bar.n)  # what a .tar has between its files
    return files


def _parts(entry: _Entry) -> list[str]:
    """The names of the path below the target folder, once they are known to stay there."""
    parts = [part for part in entry.name.split("/") if part not in ("", ".")]
    if entry.name.startswith("/") or ".." in parts or "\\" in entry.name or "\0" in entry.name:
        raise _Refused(f"holds {entry.name!r}, a name that leads out of the folder")
    if entry.kind not in ("file", "folder"):
        raise _Refused(f"holds {entry.name!r}, {entry.kind}")
    if not parts and entry.kind == "file":
        raise _Refused("holds a file without a name")
    return parts


def _write(entry: _Entry, target: Path, bar: tqdm) -> None:
    written = 0
    with entry.open() as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            file.write(chunk)
            written += len(chunk)
            bar.update(len(chunk))
    if written != entry.size:
        raise EOFError(f"{entry.name} has {written} of {entry.size} bytes")


@contextmanager
def _entries(archive: Path) -> Iterator[tuple[Iterator[_Entry], int]]:
    """What an archive holds, one entry after the other, and about how many bytes that is."""
    with archive.open("rb") as file:
        is_zip = file.read(4) in _ZIP_STARTS
    if is_zip:
        with zipfile.ZipFile(archive) as file:
            members = file.infolist()
            yield (_of_zip(file, member) for member in members), sum(member.file_size for member in members)
    else:
        with tarfile.open(archive, "r:") as file:  # not compressed, so that its size is no surprise
            yield _of_tar(file), archive.stat().st_size


def _of_zip(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> _Entry:
    mode = stat.S_IFMT(member.external_attr >> 16)  # 0 where the packer knew no such thing
    is_folder = member.filename.endswith("/")  # is_dir() of Python 3.11 stumbles over an empty name
    kind = "folder" if is_folder else "file"
    if mode not in (0, stat.S_IFDIR if is_folder else stat.S_IFREG):
        kind = "a link" if mode == stat.S_IFLNK else "neither a file nor a folder"
    elif member.flag_bits & 1:
        kind = "which is encrypted"
    return _Entry(member.orig_filename, kind, member.file_size, lambda: file.open(member))


def _of_tar(file: tarfile.TarFile) -> Iterator[_Entry]:
    for member in file:
        kind = "folder" if member.isdir() else "file"
        if member.issym() or member.islnk():
            kind = "a link"
        elif member.issparse() or not (member.isdir() or member.isfile()):
            kind = "neither a plain file nor a folder"
        yield _Entry(member.name, kind, member.size, lambda member=member: cast("IO[bytes]", file.extractfile(member)))
    assert file.fileobj is not None
    file.fileobj.seek(file.offset)
    if file.fileobj.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:  # tarfile takes it for the end
        raise EOFError("it breaks off or is damaged in the middle")


@contextmanager
def _in_one_sentence(archive: Path) -> Iterator[None]:
    try:
        yield
    except _Refused as refused:
        raise ValueError(
            f"Expected only plain files in {archive} but it {refused}: do not use this archive; get it elsewhere."
        ) from refused
    except (*_DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _IMPOSSIBLE:
            raise
        raise ValueError(
            f"Expected a whole .tar or .zip in {archive} but it is damaged ({str(error) or type(error).__name__}): "
            "remove it and call the same command again."
        ) from error
