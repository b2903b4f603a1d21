import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.small_disk import run_on_small_disk

from lightweight_ssd.download.unpack import unpack

FILES = {"data/one.txt": b"1", "data/deep/two.txt": b"22" * 400, "three": b""}
MAKERS: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {}


def _maker(function: Callable[[Path, dict[str, bytes]], Path]) -> Callable[[Path, dict[str, bytes]], Path]:
    MAKERS[function.__name__.lstrip("_")] = function
    return function


@_maker
def _tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@_maker
def _zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def _tar_of(path: Path, kind: bytes, name: str = "data/bad", target: str = "") -> Path:
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("data/good"))
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        archive.addfile(member)
    return path


def _zip_of(path: Path, mode: int, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good", b"good")
        member = zipfile.ZipInfo("bad")
        member.external_attr = mode << 16
        archive.writestr(member, content)
    return path


def _refused(archive: Path, sentence: str, limit: int | None = None) -> None:
    """The archive is refused with these words, and nothing of it is left, inside the folder or outside."""
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(ValueError, match=sentence) as raised:
        unpack(archive, archive.parent / "out", limit)
    assert str(archive) in str(raised.value)
    assert sorted(archive.parent.rglob("*")) == before


@pytest.mark.parametrize("kind", MAKERS)
def test_files_come_out_as_they_are(kind: str, tmp_path: Path):
    archive = MAKERS[kind](tmp_path / "archive", FILES)
    assert unpack(archive, tmp_path / "out") == 3
    found = {str(path.relative_to(tmp_path / "out")): path for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in found.items()} == FILES


def test_folders_and_leading_dots_are_ordinary(tmp_path: Path):
    source = tmp_path / "source"
    (source / "empty").mkdir(parents=True)
    (source / "file").write_bytes(b"x")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(source, "./")
    assert unpack(tmp_path / "a.tar", tmp_path / "out") == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["empty", "file"]


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "data/../../evil", "data\\..\\evil", "a/.."])
def test_a_name_that_leads_out_is_refused(kind: str, name: str, tmp_path: Path):
    _refused(MAKERS[kind](tmp_path / "a", {"good": b"good", name: b"evil"}), "a name that leads out of the folder")


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "neither a plain file nor a folder"),
        (tarfile.BLKTYPE, "neither a plain file nor a folder"),
        (tarfile.FIFOTYPE, "neither a plain file nor a folder"),
        (tarfile.GNUTYPE_SPARSE, "neither a plain file nor a folder"),
    ],
)
def test_what_is_no_plain_file_in_a_tar_is_refused(kind: bytes, what: str, tmp_path: Path):
    archive = _tar_of(tmp_path / "a.tar", kind, target="data/good")
    _refused(archive, f"it holds 'data/bad', {what}: do not use this archive")


@pytest.mark.parametrize("target", ["/etc", "..", "."])
def test_a_file_below_a_link_is_refused_with_the_link(target: str, tmp_path: Path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, target
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("link/evil"))
    _refused(tmp_path / "a.tar", "it holds 'link', a link")


def test_a_link_in_a_zip_is_refused(tmp_path: Path):
    _refused(_zip_of(tmp_path / "a.zip", stat.S_IFLNK | 0o777, b"/etc/passwd"), "it holds 'bad', a link")


def test_a_device_in_a_zip_is_refused(tmp_path: Path):
    _refused(_zip_of(tmp_path / "a.zip", stat.S_IFCHR | 0o666, b""), "it holds 'bad', neither a file nor a folder")


def test_a_file_without_a_name_in_a_zip_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(""), b"x")
    _refused(tmp_path / "a.zip", "it holds a file without a name")


def test_a_zip_bomb_is_refused_before_it_unfolds(tmp_path: Path):
    archive = _zip(tmp_path / "a.zip", {"zeros": bytes(10_000_000)})
    _refused(archive, "unfolds to more than the .* that are expected")
    _refused(archive, "unfolds to more than the 9 MB that are expected", limit=9_000_000)
    assert unpack(archive, tmp_path / "out", limit=10_000_000) == 1


def test_a_million_empty_files_are_a_bomb_too(tmp_path: Path):
    archive = _zip(tmp_path / "a.zip", {f"{number}": b"" for number in range(30)})
    _refused(archive, "unfolds to more than the 10 kB that are expected", limit=10_000)


def test_a_zip_that_lies_about_its_size_is_refused(tmp_path: Path):
    archive = _zip(tmp_path / "a.zip", {"zeros": bytes(1_000_000)})
    content = archive.read_bytes()
    archive.write_bytes(content.replace((1_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little")))
    _refused(archive, "damaged", limit=2_000)


def test_an_encrypted_zip_is_refused(tmp_path: Path):
    archive = _zip(tmp_path / "a.zip", {"secret": b"s"})
    content = bytearray(archive.read_bytes())
    for start, offset in ((content.index(b"PK\3\4"), 6), (content.index(b"PK\1\2"), 8)):
        content[start + offset] |= 1
    archive.write_bytes(content)
    _refused(archive, "which is encrypted")


@pytest.mark.parametrize("names", [("a", "a"), ("a", "./a"), ("a", "a/b"), ("a/b", "a")])
def test_a_file_that_stands_there_twice_is_refused(names: tuple[str, str], tmp_path: Path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    _refused(tmp_path / "a.tar", "twice, or a file in place of its folder")


@pytest.mark.parametrize("kind", MAKERS)
def test_every_archive_that_breaks_off_is_refused(kind: str, tmp_path: Path):
    whole = MAKERS[kind](tmp_path / "a", FILES).read_bytes()
    end = len(whole.rstrip(b"\0")) if kind == "tar" else len(whole) - 1  # a .tar ends in padding
    for length in range(0, end, 97):
        (tmp_path / "a").write_bytes(whole[:length])
        _refused(tmp_path / "a", "damaged", limit=10**6)


def test_a_tar_that_ends_between_two_files_is_refused(tmp_path: Path):
    whole = _tar(tmp_path / "a.tar", {"one": b"1", "two": b"2"}).read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[:1024])
    _refused(tmp_path / "a.tar", "it breaks off or is damaged in the middle")


def test_a_damaged_header_in_the_middle_of_a_tar_is_no_end(tmp_path: Path):
    whole = bytearray(_tar(tmp_path / "a.tar", {"one": b"1", "two": b"2"}).read_bytes())
    whole[1024 + 150] ^= 0xFF  # of the second header's checksum
    (tmp_path / "a.tar").write_bytes(whole)
    _refused(tmp_path / "a.tar", "it breaks off or is damaged in the middle")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\3\4", b"\x1f\x8b compressed"])
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path):
    (tmp_path / "a").write_bytes(content)
    _refused(tmp_path / "a", "Expected a whole .tar or .zip in")


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
def test_damage_anywhere_is_refused_or_stays_inside(kind: str, changes: list, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("fuzz")
    content = bytearray(MAKERS[kind](folder / "a", FILES).read_bytes())
    for place, value in changes:
        content[place % min(len(content), 4096)] = value
    (folder / "a").write_bytes(content)
    try:
        count = unpack(folder / "a", folder / "out", limit=10**6)
    except ValueError:
        assert not (folder / "out").exists()
        count = 0
    assert {path.name for path in folder.iterdir()} <= {"a", "out"}
    assert sum(path.is_file() and not path.is_symlink() for path in folder.rglob("*")) == 1 + count


def test_a_full_disk_leaves_nothing(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    archive = _tar(tmp_path / "a.tar", {"one": bytes(100_000), "two": bytes(200_000)})
    code = f"""
from pathlib import Path
from lightweight_ssd.download.unpack import unpack
try:
    unpack(Path({str(archive)!r}), Path({str(disk)!r}) / "out")
except ValueError as error:
    print(error)
print(list(Path({str(disk)!r}).iterdir()))
"""
    ended = run_on_small_disk(disk, "200k", code)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(f"Expected room to write in {disk} but the disk is full (No space left on device): ")
    assert ended.stdout.endswith("make room and call the same command again.\n[]\n")
