"""Cached annotations and images that somebody else may have written: numbers that fit one another, or made anew."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightweight_ssd.data.formats.packed import PackedAnnotations, read_cached
from lightweight_ssd.data.images.cache import INDEX_FILE, ImageCache
from lightweight_ssd.system import array_file
from lightweight_ssd.system.array_file import read_arrays, write_arrays
from lightweight_ssd.types import Annotation


def split() -> PackedAnnotations:
    rows = [
        Annotation.of_boxes(row, f"/{row}.jpg", 9, 9, np.zeros((2, 4), np.float32), np.zeros(2, np.int64))
        for row in (1, 2)
    ]
    return PackedAnnotations.from_annotations(rows, ("cat",))


def saved(path: Path, **changed: Any) -> Path:
    """A cache file with a valid checksum and the right key, in which some values are others."""
    before = split()
    values = {**{field.name: getattr(before, field.name) for field in fields(before)}, **changed}
    texts = {name: values.pop(name) for name in ("class_names", "category_ids", "skipped", "notes")}
    write_arrays(path, {"key": "", **texts}, values)
    return path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offsets", np.array([0, 2, 400])),
        ("offsets", np.array([0, 400, 4])),
        ("offsets", np.array([-1, 2, 4])),
        ("offsets", np.array([0, 4])),
        ("path_offsets", np.array([0, 6, 400])),
        ("sizes", np.zeros((5, 2), np.int32)),
        ("boxes", np.zeros((4, 4), np.float64)),
        ("boxes", np.zeros((4, 3), np.float32)),
        ("labels", np.zeros((2, 2), np.int64)),
        ("difficult", np.zeros(3, np.bool_)),
        ("class_names", (7,)),
        ("skipped", (None,)),
        ("unknown", np.zeros(1)),
    ],
)
def test_annotations_that_do_not_fit_one_another_are_read_anew(name: str, value: Any, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.arrays", **{name: value})
    with pytest.raises(ValueError, match=r"^Expected \S+a\.arrays to hold packed annotations, but .*: delete it\.$"):
        PackedAnnotations.load(path)
    assert len(read_cached(path, "", split)) == 2
    assert len(PackedAnnotations.load(path)) == 2


def test_what_was_saved_fits(tmp_path: Path) -> None:
    assert len(PackedAnnotations.load(saved(tmp_path / "a.arrays"))) == 2


@pytest.mark.parametrize("kind", ["|O", "<M8[s]", "|V8", "<U2", "i4,i4", "no type", 7])
def test_arrays_are_of_numbers(kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dumps = array_file.json.dumps

    def described(content: dict[str, Any]) -> str:
        return dumps({**content, "arrays": [["a", kind, [2]]]})

    monkeypatch.setattr(array_file.json, "dumps", described)
    write_arrays(tmp_path / "a", {}, {"a": np.zeros(64)})
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"neither numbers nor booleans|does not describe its arrays"):
        read_arrays(tmp_path / "a")


@pytest.mark.parametrize("shape", [[400], [2**62, 2**62], "text", [[1]]])
def test_arrays_lie_in_their_file(shape: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dumps = array_file.json.dumps
    monkeypatch.setattr(array_file.json, "dumps", lambda content: dumps({**content, "arrays": [["a", "<f8", shape]]}))
    write_arrays(tmp_path / "a", {}, {"a": np.zeros(4)})
    monkeypatch.undo()
    with pytest.raises(ValueError):  # NumPy's own words
        read_arrays(tmp_path / "a")


def test_the_index_of_cached_images_holds_no_objects(tmp_path: Path) -> None:
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / INDEX_FILE, key=objects, sizes=np.ones((1, 2)), bad=np.zeros(0), sentences=np.zeros(0))
    with pytest.raises(ValueError, match=r"^Expected an image cache in .*: delete it\.$"):
        ImageCache(tmp_path, "key")
