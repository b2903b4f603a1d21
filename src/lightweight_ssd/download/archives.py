"""A public data set as its archives: what is downloaded from where, what is known of it, and where it ends up.

What was unpacked there by hand is used as it is, if all files are there that its own lists name.

Below the folder of the data, `.prepare` holds the archives as long as they are needed, what is being unpacked, and a
receipt for each part that is in place. Nothing outside `.prepare` is ever incomplete: a part is unpacked there, whole,
and then moved.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lightweight_ssd.data.formats.json_decode import read_file_names
from lightweight_ssd.download.fetch import discard, fetch, part_of
from lightweight_ssd.download.install import list_files, missing_files, place, read_receipt, size_of, write_receipt
from lightweight_ssd.download.unpack import unpack
from lightweight_ssd.system.disk_space import format_bytes, require_space
from lightweight_ssd.system.file_lock import lock_run

__all__ = ["Archive", "Contents", "Download"]


@dataclass(frozen=True)
class Contents:
    """How to recognize that a part is there, whole, without a receipt.

    Attributes:
        lists: Files that name the others: lists of names, one first on each line, or COCO instances files (`.json`).
        count: How many different names there are in all of them.
        files: Where what they name lies, with `{}` for the name; none for a part that is lists alone.
    """

    lists: Sequence[str]
    count: int
    files: Sequence[str] = ()

    def find(self, root: Path) -> tuple[dict[str, int], str]:
        """Looks for each file that there has to be.

        Returns:
            Size of each, bytes, by its path below `root`; empty if one is missing or empty. Then, as the middle of a
            sentence, what is wrong; empty if nothing is, or nothing at all lies there.
        """
        names = {name for each in self.lists for name in _names(root / each)}
        named = [place.format(name) for place in self.files for name in sorted(names)]
        sizes = {path: size for path in (*self.lists, *named) if (size := size_of(root / path))}
        lacking = [path for path in (*self.lists, *named) if path not in sizes]
        if sizes.keys().isdisjoint(named if self.files else self.lists):  # COCO's lists are a part of their own
            return {}, ""
        if lacking:
            are = "is" if len(lacking) == 1 else "are"
            count = f"{len(lacking):,} of {len(sizes) + len(lacking):,} files"
            return {}, f"{count} {are} missing or empty, the first {lacking[0]}"
        if len(names) != self.count:
            return {}, f"{' and '.join(self.lists)} should name {self.count:,} images, not {len(names):,}"
        return sizes, ""


def _names(path: Path) -> list[str]:
    """What a list names; nothing where it is missing or is no list."""
    try:
        if path.suffix == ".json":
            return read_file_names(path)
        return [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError):
        return []


@dataclass(frozen=True)
class Archive:
    """One file on a server. What is not known is None, and is not checked.

    Attributes:
        url: Address, http or https, of a `.tar` or `.zip`.
        size: Bytes.
        md5: Digest in hexadecimal.
        sha256: Digest in hexadecimal.
        unpacked: Bytes to which it may unfold; None allows ten times its size.
        holds: How to know its content where it was unpacked by hand; None never does.
    """

    url: str
    size: int | None = None
    md5: str | None = None
    sha256: str | None = None
    unpacked: int | None = None
    holds: Contents | None = None

    @property
    def name(self) -> str:
        """Its file name."""
        return unquote(urlsplit(self.url).path).rpartition("/")[2]

    @property
    def hashes(self) -> dict[str, str]:
        """The digests that are known, by algorithm."""
        return {name: value for name, value in (("md5", self.md5), ("sha256", self.sha256)) if value}

    @property
    def checks(self) -> str:
        """What is compared, in words."""
        known = ["size"] if self.size is not None else []
        return ", ".join([*known, *self.hashes]) or "nothing, since nothing is known of it"


@dataclass(frozen=True)
class Download:
    """A data set that comes in several archives.

    Attributes:
        title: Name of the data set.
        root: Where it goes if nothing else is said.
        archives: By the name of the part of the data that each holds.
        uses: What to type after `lssd train` with the parts that it needs, the most complete use first.
        inside: Folder of the archives whose content is meant; None is all.
        last: Name of the folder that is put in place last: what names the files of the others.
        terms: Where the terms of use stand.

    Raises:
        ValueError: Two archives have one file name, an archive has none, or a use needs a part that does not exist.
    """

    title: str
    root: str
    archives: Mapping[str, Archive]
    uses: Mapping[str, Sequence[str]]
    inside: str | None = None
    last: str | None = None
    terms: str | None = None

    def __post_init__(self) -> None:
        names = [archive.name for archive in self.archives.values()]
        if not all(name.strip(".") for name in names) or len(set(names)) != len(names):
            raise ValueError(f"Expected addresses that end in different file names but got {', '.join(names)}.")
        for use, parts in self.uses.items():
            if unknown := [part for part in parts if part not in self.archives]:
                raise ValueError(
                    f"Expected download.uses to need parts of download.archives but {use} needs {unknown}."
                )

    def choose(self, parts: Sequence[str] | None) -> dict[str, Archive]:
        """The archives of these parts, of all for None.

        Raises:
            ValueError: A part does not exist, or none is chosen.
        """
        chosen = list(self.archives if parts is None else parts)
        unknown = [part for part in chosen if part not in self.archives]
        if unknown or not chosen:
            got = ", ".join(unknown) or "none"
            raise ValueError(f"Expected parts=… as some of {', '.join(self.archives)} but got {got}.")
        return {part: self.archives[part] for part in self.archives if part in chosen}

    def is_there(self, root: Path, part: str) -> bool:
        """Whether a part is in place, whole, by its receipt and the sizes of its files."""
        receipt = read_receipt(_receipt(root, part))
        same = all(receipt.get(name, digest) == digest for name, digest in self.archives[part].hashes.items())
        return bool(receipt.get("files")) and same and not missing_files(root, receipt["files"])

    def use(self, root: Path) -> str | None:
        """What to type after `lssd train` to use the parts that are in place; None where they are too few."""
        there = {part for part in self.archives if self.is_there(root, part)}
        return next((use for use, parts in self.uses.items() if there.issuperset(parts)), None)

    def prepare(
        self,
        root: Path,
        parts: Sequence[str] | None = None,
        archives: Path | None = None,
        attempts: int = 6,
        timeout: float = 30.0,
        say: Callable[[str], None] = print,
    ) -> list[str]:
        """Downloads, checks and unpacks what is not in place yet; what was put there by hand, whole, is noted as found.

        Args:
            root: Folder of the data; made where missing.
            parts: Which; None is all.
            archives: Folder for the archives, which are kept then, and used if they are there; None keeps none.
            attempts: Attempts in a row without progress before a download is given up.
            timeout: Seconds without a byte that count as a cut connection.
            say: Called with a line for each thing done.

        Returns:
            The parts that had to be prepared.

        Raises:
            ValueError: What came is not what was expected, a disk is too small, or the server is out of reach.
        """
        chosen, folder = self.choose(parts), archives or _hidden(root) / "archives"
        for made in (_hidden(root), folder):
            _make(made)
        with lock_run(_hidden(root), "prepare", lambda who: say(f"waiting for {who}, which prepares {root}")):
            todo = {part: archive for part, archive in chosen.items() if not self.is_there(root, part)}
            for part in chosen:
                if part not in todo:
                    say(f"{part}: there already")
                elif gone := missing_files(root, read_receipt(_receipt(root, part)).get("files", {})):
                    say(f"{part}: no longer whole, {len(gone):,} of its files gone or changed, the first {gone[0]}")
            todo = {part: archive for part, archive in todo.items() if not self._found(root, part, folder, say)}
            require_space(_needs(todo, root, folder, keep=archives is not None))
            for part, archive in todo.items():
                say(f"{part}: {_size(archive)} from {archive.url}")
                fetch(archive.url, folder / archive.name, archive.size, archive.hashes, attempts, timeout)
                count = self._unpack(folder / archive.name, root, part, keep=archives is not None)
                say(f"{part}: {count:,} files in place (checked: {archive.checks})")
        return list(todo)

    def _found(self, root: Path, part: str, folder: Path, say: Callable[[str], None]) -> bool:
        """Notes a part that is there without a receipt. Where its archive is there as well, that says more."""
        archive = self.archives[part]
        if not archive.holds or read_receipt(_receipt(root, part)) or (folder / archive.name).exists():
            return False
        files, lacking = archive.holds.find(root)
        if lacking:
            say(f"{part}: found in part, {lacking}: downloading it")
        if files:
            write_receipt(_receipt(root, part), {"found": True}, files)
            discard(folder / archive.name)
            say(f"{part}: found, not downloaded: {len(files):,} files, all that its lists name (not compared by hash)")
        return bool(files)

    def _unpack(self, file: Path, root: Path, part: str, keep: bool) -> int:
        """From the archive, which is removed at the end unless it is kept, to the receipt; how many files there are."""
        archive, hidden = self.archives[part], _hidden(root) / "unpacked"
        shutil.rmtree(hidden, ignore_errors=True)  # of a call that was killed
        try:
            unpack(file, hidden, archive.unpacked)
            source = hidden / (self.inside or "")
            if not source.is_dir():
                raise ValueError(f"Expected a folder {self.inside} in {file} but it has none: correct the address.")
            files = list_files(source)
            place(source, root, self.last)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
        facts = {"url": archive.url, "size": file.stat().st_size, **archive.hashes}
        write_receipt(_receipt(root, part), facts, files)
        if not keep:
            file.unlink()
        return len(files)


def _needs(todo: Mapping[str, Archive], root: Path, folder: Path, keep: bool) -> list[tuple[Path, int]]:
    """Bytes that each folder will hold more at the worst moment, as far as sizes are known."""
    archives = data = most = 0
    for archive in todo.values():
        archives += _still_to_come(archive, folder)
        data += archive.unpacked or archive.size or 0
        most = max(most, archives + data)
        if not keep:
            archives -= archive.size or 0
    return [(folder, archives), (root, data)] if keep else [(root, most)]


def _still_to_come(archive: Archive, folder: Path) -> int:
    files = (folder / archive.name, part_of(folder / archive.name))
    return max((archive.size or 0) - sum(file.stat().st_size for file in files if file.exists()), 0)


def _size(archive: Archive) -> str:
    return "an unknown size" if archive.size is None else format_bytes(archive.size)


def _hidden(root: Path) -> Path:
    return root / ".prepare"


def _receipt(root: Path, part: str) -> Path:
    return _hidden(root) / f"{part}.json"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"Expected a folder that can be written at {folder} but {error.strerror}: choose another one."
        ) from error
