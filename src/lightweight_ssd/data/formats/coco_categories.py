"""Which categories of an instances file are classes.

COCO's own categories all are. Tools add some that are none: Roboflow a dummy of id 0 that is the super-category of the
others, and many a `background`. Neither has objects, and a detector with a class for it could never find one. Tools
that join files repeat a name under several ids; these are one class. Files of one data set that number their categories
otherwise are put together by name.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from lightweight_ssd.data.formats.coco_entries import UNKNOWN_ID, CategoryEntry, read_category, read_id
from lightweight_ssd.data.formats.json_decode import DECODE_ERRORS, decode_file, describe_error
from lightweight_ssd.system.plain_text import has_reference

__all__ = [
    "Categories", "UsableCategories", "choose_classes", "decode_categories", "from_one", "number_texts",
    "read_categories", "usable_categories",
]  # fmt: skip

_BACKGROUND = {"background", "__background__", "_background_"}


class Categories(NamedTuple):
    """The classes, by rising id."""

    names: tuple[str, ...]
    ids: tuple[int, ...]


class UsableCategories(NamedTuple):
    """The classes, by rising id, and what was decided.

    Attributes:
        names: Of the classes.
        ids: Of the classes; the lowest where several categories have one name.
        counts: Annotations of each class.
        notes: One line for each category that is no class, or no class of its own.
    """

    names: tuple[str, ...]
    ids: tuple[int, ...]
    counts: tuple[int, ...]
    notes: tuple[str, ...]


class _File(msgspec.Struct):
    categories: list[msgspec.Raw]


class _FileOfObjects(msgspec.Struct):
    categories: list[msgspec.Raw]
    annotations: list[msgspec.Raw]


class _OfCategory(msgspec.Struct, gc=False):
    category_id: int


def read_categories(path: Path) -> Categories:
    """The classes alone; annotations are only decoded where a category may be none.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is malformed, or its categories are.
    """
    entries, numbers = decode_categories(decode_file(path, _File).categories, path)
    return choose_classes(entries, lambda: _count(path, numbers), path)[0]


def usable_categories(path: str | Path) -> UsableCategories:
    """The classes of a file with the number of their annotations, whether these are right or not.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is malformed, or its categories are.
    """
    path = Path(path).absolute()
    entries, numbers = decode_categories(decode_file(path, _FileOfObjects).categories, path)
    counts = _count(path, numbers)
    classes, notes = choose_classes(entries, lambda: counts, path)
    of_name: Counter[str] = Counter()
    for entry in entries:
        of_name[entry.name] += counts[entry.id]
    return UsableCategories(*classes, tuple(of_name[name] for name in classes.names), tuple(notes))


def decode_categories(entries: Sequence[msgspec.Raw], path: Path) -> tuple[list[CategoryEntry], dict[str, int]]:
    """The categories by rising id, and the numbers of those whose ids are text.

    Raises:
        ValueError: One is malformed, two names have one id, or there is none.
    """
    decoded, texts = [], []
    for row, entry in enumerate(entries):
        try:
            category, text = read_category(entry)
        except DECODE_ERRORS as error:
            raise ValueError(
                f"Expected categories[{row}] of {path} as COCO has it, but {describe_error(error)}: correct or remove "
                "the entry."
            ) from error
        if has_reference(category.name):
            raise ValueError(
                f"Expected the name of categories[{row}] of {path} without ${{…}}, which configurations replace by "
                f"something else, but got {category.name!r}: rename it."
            )
        decoded.append(category)
        texts.append(text)
    numbers = number_texts(texts, [each.id for each, text in zip(decoded, texts, strict=True) if not text])
    for category, text in zip(decoded, texts, strict=True):
        category.id = numbers.get(text, category.id)
    decoded.sort(key=lambda category: category.id)
    if not decoded or len({each.id for each in decoded}) != len({(each.id, each.name) for each in decoded}):
        got = ", ".join(f"{each.id} {each.name!r}" for each in decoded) or "none"
        raise ValueError(
            f"Expected categories with different ids in {path}, at least one, but got {got}: correct them."
        )
    return decoded, numbers


def number_texts(texts: Sequence[str], taken: Sequence[int]) -> dict[str, int]:
    """A number for each id that is text, above those that others have; empty texts get none."""
    first = max(0, *taken) + 1 if taken else 1
    return {text: first + place for place, text in enumerate(dict.fromkeys(filter(None, texts)))}


def choose_classes(
    entries: Sequence[CategoryEntry], count: Callable[[], Mapping[int, int]], path: Path
) -> tuple[Categories, list[str]]:
    """The classes, and one line for what is none or repeats a name.

    Args:
        entries: By rising id.
        count: Counts the annotations of each id; called only where that decides.
        path: The file, for the lines.
    """
    left_out = {entry.id: why for entry in entries if (why := _why_none(entry, entries))}
    counts = count() if left_out else {}
    left_out = {number: why for number, why in left_out.items() if not counts.get(number)}
    kept = [entry for entry in entries if entry.id not in left_out]
    if not kept:
        kept, left_out = list(entries), {}
    first = {entry.name: entry.id for entry in reversed(kept)}
    names = {entry.id: entry.name for entry in entries}
    notes = [f"category {number} {names[number]!r} of {path} is no class: {why}" for number, why in left_out.items()]
    notes += [
        f"categories {', '.join(map(str, ids))} of {path} are one class: all are named {name!r}"
        for name in first
        if len(ids := sorted({entry.id for entry in kept if entry.name == name})) > 1
    ]
    classes = sorted((number, name) for name, number in first.items())
    return Categories(tuple(name for _, name in classes), tuple(number for number, _ in classes)), notes


def from_one(names: Sequence[str]) -> tuple[int, ...]:
    """Ids for classes that have none: 1, 2, …."""
    return tuple(range(1, len(names) + 1))


def _why_none(entry: CategoryEntry, entries: Sequence[CategoryEntry]) -> str:
    """Why it may be no class, where it has no objects; nothing for an ordinary one."""
    if entry.name.casefold() in _BACKGROUND:
        return "it has no objects"
    others = [other for other in entries if other is not entry]
    above = entry.id == 0 and entry.supercategory in (None, "", "none")
    if above and others and all(other.supercategory == entry.name for other in others):
        return "it has no objects, and is the super-category of all others"
    return ""


def _count(path: Path, numbers: Mapping[str, int]) -> Counter[int]:
    """Annotations of each category id; those that name none are of `UNKNOWN_ID`."""
    counts: Counter[int] = Counter()
    decode = msgspec.json.Decoder(_OfCategory).decode
    for entry in decode_file(path, _FileOfObjects).annotations:
        try:
            counts[decode(entry).category_id] += 1
        except DECODE_ERRORS:
            number, text = read_id(entry, "category_id")
            counts[numbers.get(text, UNKNOWN_ID) if text or number is None else number] += 1
    return counts
