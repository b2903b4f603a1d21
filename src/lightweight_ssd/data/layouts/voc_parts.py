"""The images and XML files of a VOC layout."""

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from lightweight_ssd.data.formats.image_files import is_image
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.formats.unpaired import describe_unpaired
from lightweight_ssd.data.formats.voc_devkit import ListEntry, count_class_names, read_entries, read_ids, read_labelmap
from lightweight_ssd.data.formats.voc_files import list_entries
from lightweight_ssd.data.formats.voc_scan import digest, fingerprint
from lightweight_ssd.data.layouts.listing import Layout, Pairs
from lightweight_ssd.data.layouts.reading import Reading
from lightweight_ssd.data.layouts.unpaired import xml_without_image
from lightweight_ssd.system.json_file import read_json, write_json

__all__ = ["VOCParts"]


class VOCParts:
    """Reads the parts of a layout of VOC's format; nothing is read before it is asked for.

    Args:
        layout: What was recognized.
        reading: How to read it; its class names take the place of those that are found.
    """

    def __init__(self, layout: Layout, reading: Reading) -> None:
        self.layout, self.reading = layout, reading
        self._listed: dict[str, tuple[list[ListEntry], list[Exception]]] = {}

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """Those of labelmap.txt in its order, and those of the XML files by the alphabet.

        Raises:
            FileNotFoundError, ValueError: As `entries`.
        """
        if self.reading.class_names is not None:
            return tuple(self.reading.class_names)
        listed = () if self.layout.names is None else read_labelmap(self.layout.names)
        counted = self._count()
        return (*listed, *sorted(name for name in counted if name not in listed))

    @property
    def category_ids(self) -> tuple[int, ...]:
        """VOC has none: places of the names, from 1."""
        return tuple(range(1, len(self.class_names) + 1))

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not told by the annotations of a split."""
        return tuple(filter(None, [describe_unpaired(self.unpaired)]))

    @cached_property
    def unpaired(self) -> dict[Path, str]:
        """XML files without an image, with the key that they would be in."""
        used = {entry.annotation for key in self.layout.splits for entry in self.entries(key)[0]}
        return xml_without_image(self.layout, used)

    @property
    def all_entries(self) -> list[ListEntry]:
        """Of all splits."""
        return list({one.image: one for key in self.layout.splits for one in self.entries(key)[0]}.values())

    def entries(self, key: str) -> tuple[list[ListEntry], list[Exception]]:
        """The images of a split, numbered from 1, and what is wrong with the lines of its lists.

        Raises:
            FileNotFoundError, ValueError: A list is missing or empty.
        """
        if key not in self._listed:
            found: dict[Path, ListEntry] = {}
            problems = list[Exception]()
            for part in self.layout.splits[key]:
                assert isinstance(part, Pairs)
                entries, wrong = _entries_of(part)
                problems += wrong
                for entry in entries:
                    found.setdefault(entry.image, entry._replace(image_id=len(found) + 1))
            self._listed[key] = list(found.values()), problems
        return self._listed[key]

    def read(self, key: str) -> PackedAnnotations:
        """The annotations of a split.

        Raises:
            FileNotFoundError, ValueError: As `entries` and `read_entries`.
        """
        how, (entries, problems) = self.reading, self.entries(key)
        title = f"{self.layout.home.name} {key}"
        return read_entries(
            entries, self.class_names, float(how.box_tolerance), how.cache_dir, how.num_threads, how.on_bad, how.origin,
            title, self.all_entries, problems,
        )  # fmt: skip

    def _count(self) -> dict[str, int]:
        """Objects by class name; kept in the cache folder, since all files are read for it."""
        entries, folder = self.all_entries, self.reading.cache_dir
        if folder is None:
            return dict(count_class_names(entries, self.reading.num_threads))
        key = fingerprint(entries)
        file = Path(folder) / f"voc-names-{digest([str(self.layout.home)])[:16]}.json"
        known = _kept(file)
        if known.get("key") == key and isinstance(known.get("names"), dict):
            return known["names"]
        counted = dict(count_class_names(entries, self.reading.num_threads))
        with suppress(OSError, ValueError):  # it only saves time
            file.parent.mkdir(parents=True, exist_ok=True)
            write_json(file, {"key": key, "names": counted})
        return counted


def _kept(file: Path) -> dict[str, Any]:
    try:
        return read_json(file)
    except (OSError, ValueError):
        return {}


def _entries_of(part: Pairs) -> tuple[Sequence[ListEntry], list[Exception]]:
    annotations = part.annotations or part.images
    if part.ids is not None:
        return list_entries(part.images, annotations, read_ids(part.ids)[0], str(part.ids))
    names = None if part.nested else _names_in(part.images)
    return list_entries(part.images, annotations, names, str(part.images))


def _names_in(folder: Path) -> list[str]:
    """Of its images, without suffix: each folder in it is a part of its own."""
    return sorted({path.stem for path in folder.iterdir() if is_image(path.name)})
