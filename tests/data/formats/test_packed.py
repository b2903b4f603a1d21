import logging
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from lightweight_ssd.data.formats.packed import PackedAnnotations, default_cache_dir, read_cached
from lightweight_ssd.types import Annotation


def annotation(image_id: int, count: int, path: str = "") -> Annotation:
    rng = np.random.default_rng(image_id)
    boxes = rng.uniform(0, 100, (count, 4)).astype(np.float32)
    labels = rng.integers(0, 2, count)
    return Annotation.of_boxes(image_id, path or f"/images/{image_id}.jpg", 120, 160, boxes, labels, labels == 1)


def packed(*counts: int) -> PackedAnnotations:
    rows = [annotation(row, count) for row, count in enumerate(counts, start=1)]
    return PackedAnnotations.from_annotations(rows, ["cat", "dog"])


def assert_equal(left: Annotation, right: Annotation) -> None:
    for name, one, other in zip(Annotation._fields, left, right, strict=True):
        assert np.array_equal(one, other), name


def test_nothing_packed_keeps_every_shape() -> None:
    empty = packed()
    assert len(empty) == 0
    assert list(empty) == []
    assert (empty.sizes.shape, empty.boxes.shape, empty.labels.shape) == ((0, 2), (0, 4), (0,))
    assert empty.offsets.tolist() == empty.path_offsets.tolist() == [0]


def test_an_image_without_objects_keeps_its_shapes() -> None:
    lonely = packed(2, 0, 1)[1]
    assert lonely.boxes.shape == (0, 4)
    assert (lonely.boxes.dtype, lonely.labels.dtype, lonely.difficult.dtype) == (np.float32, np.int64, np.bool_)


def test_what_goes_in_comes_out() -> None:
    rows = [annotation(7, 2), annotation(9, 0, "/images/späte Blüte.png"), annotation(3, 5)]
    for before, after in zip(rows, PackedAnnotations.from_annotations(rows, ["cat", "dog"]), strict=True):
        assert_equal(before, after)


def test_indices_count_from_either_end_and_stop_there() -> None:
    three = packed(1, 2, 3)
    assert three[-1].image_id == 3
    for index in (3, -4):
        with pytest.raises(IndexError, match="below 3"):
            three[index]


def test_an_annotation_may_be_changed_in_place() -> None:
    two = packed(1, 1)
    two[0].boxes[:] = -1
    assert two[0].boxes.min() >= 0


def test_concatenation_renumbers() -> None:
    joined = PackedAnnotations.concatenate([packed(1, 0), packed(), packed(2)])
    assert joined.image_ids.tolist() == [1, 2, 3]
    assert joined[2].path == "/images/1.jpg"
    assert np.array_equal(joined[2].boxes, packed(2)[0].boxes)


def test_concatenation_refuses_other_classes() -> None:
    with pytest.raises(ValueError, match="same class names"):
        PackedAnnotations.concatenate([packed(1), PackedAnnotations.from_annotations([], ["cat"])])


def test_take_keeps_order_and_ids() -> None:
    assert [one.image_id for one in packed(1, 2, 3).take([2, 0])] == [3, 1]


def test_repeated_image_ids_are_refused() -> None:
    for ids in ([1, 1], [3, 1, 2, 1], [1, 2, 3, 3]):
        with pytest.raises(ValueError, match="unique"):
            PackedAnnotations.from_annotations([annotation(one, 1) for one in ids], ["cat", "dog"])


def test_image_ids_come_in_any_order() -> None:
    rows = [annotation(one, 1) for one in (30, 10, 20)]
    assert PackedAnnotations.from_annotations(rows, ["cat", "dog"]).image_ids.tolist() == [30, 10, 20]


def test_a_label_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 0"):
        PackedAnnotations.from_annotations([annotation(1, 9)], ["cat"])


def test_a_split_holds_arrays_only_and_little_memory() -> None:
    many = packed(*[3] * 2000)
    values = {field.name: getattr(many, field.name) for field in fields(many)}
    texts = [values.pop(name) for name in ("class_names", "category_ids", "skipped", "notes")]
    assert texts == [("cat", "dog"), (1, 2), (), ()]
    assert all(type(value) is np.ndarray and value.dtype != object for value in values.values())
    per_object, per_image = 16 + 8 + 1 + 1 + 4, 8 + 8 + 8 + 8 + len("/images/1000.jpg")
    assert len(pickle.dumps(many)) <= 2000 * (3 * per_object + per_image) + 2000


def test_save_and_load(tmp_path: Path) -> None:
    for name, before in (("some", packed(1, 0, 2)), ("none", packed())):
        before.save(tmp_path / "folder" / f"{name}.arrays", key="abc")
        after = PackedAnnotations.load(tmp_path / "folder" / f"{name}.arrays", key="abc")
        assert after.class_names == before.class_names
        assert len(after) == len(before)
        for one, other in zip(before, after, strict=True):
            assert_equal(one, other)
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == ["none.arrays", "some.arrays"]


def test_a_loaded_annotation_may_be_changed_in_place(tmp_path: Path) -> None:
    packed(3).save(tmp_path / "a.arrays")
    loaded = PackedAnnotations.load(tmp_path / "a.arrays")
    for value in loaded[0][4:]:
        value[:] = 0
    assert not loaded.boxes.flags.writeable
    assert_equal(loaded[0], packed(3)[0])


def _boxes_of(annotations: PackedAnnotations) -> list[list[float]]:
    return annotations[0].boxes.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_have_what_was_loaded_even_when_the_file_is_gone(tmp_path: Path, method: str) -> None:
    packed(3).save(tmp_path / "a.arrays")
    loaded = PackedAnnotations.load(tmp_path / "a.arrays")
    (tmp_path / "a.arrays").unlink()
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        assert pool.submit(_boxes_of, loaded).result() == packed(3)[0].boxes.tolist()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.arrays"):
        PackedAnnotations.load(tmp_path / "gone.arrays")


@pytest.mark.parametrize("damage", [b"", b"no archive", None])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "a.arrays"
    packed(3).save(path)
    path.write_bytes(path.read_bytes()[:-200] if damage is None else damage)
    with pytest.raises(ValueError, match=r"a\.arrays"):
        PackedAnnotations.load(path)


def test_cache_is_built_once_per_key(tmp_path: Path) -> None:
    built = []

    def build() -> PackedAnnotations:
        built.append(1)
        return packed(len(built))

    path = tmp_path / "cache.arrays"
    assert len(read_cached(path, "one", build).boxes) == 1
    assert len(read_cached(path, "one", build).boxes) == 1
    assert len(read_cached(path, "two", build).boxes) == 2
    assert len(read_cached(path, "two", build).boxes) == 2
    assert len(read_cached(None, "two", build).boxes) == 3


def test_a_key_may_be_told_from_that_of_the_file(tmp_path: Path) -> None:
    asked = []

    def key(before: str) -> str:
        asked.append(before)
        return before or "searched"

    path = tmp_path / "cache.arrays"
    assert [len(read_cached(path, key, lambda: packed(1)).boxes) for _ in range(3)] == [1, 1, 1]
    assert asked == ["", "searched", "searched"]
    assert len(read_cached(path, lambda before: f"not {before}", lambda: packed(2)).boxes) == 2
    assert len(PackedAnnotations.load(path, "not ").boxes) == 2


def test_a_damaged_cache_is_rebuilt_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cache.arrays"
    path.write_bytes(b"half a file")
    with caplog.at_level(logging.WARNING):
        assert len(read_cached(path, "key", lambda: packed(2))) == 1
    assert "Rebuilding" in caplog.text
    assert len(PackedAnnotations.load(path, "key")) == 1


def test_an_unwritable_cache_only_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert len(read_cached(tmp_path / "file" / "cache.arrays", "key", lambda: packed(1))) == 1
    assert "going on without it" in caplog.text


def test_the_cache_lies_where_the_platform_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_cache_dir() == Path("/somewhere/lightweight-ssd")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_dir() == Path.home() / ".cache" / "lightweight-ssd"


def test_category_ids_and_skipped_files_survive_saving_taking_and_joining(tmp_path: Path) -> None:
    def part(sentence: str) -> PackedAnnotations:
        return PackedAnnotations.from_annotations([annotation(1, 2)], ("cat", "dog"), (17, 18), (sentence,))

    part("a.jpg is no image").save(tmp_path / "a.arrays")
    loaded = PackedAnnotations.load(tmp_path / "a.arrays")
    assert loaded.category_ids == (17, 18) and loaded.skipped == ("a.jpg is no image",)
    assert loaded.take([0]).category_ids == (17, 18)
    joined = PackedAnnotations.concatenate([loaded, part("b.xml is empty")])
    assert joined.category_ids == (17, 18) and joined.skipped == ("a.jpg is no image", "b.xml is empty")


def test_notes_survive_saving_and_are_joined_without_repetition(tmp_path: Path) -> None:
    def part(*notes: str) -> PackedAnnotations:
        return PackedAnnotations.from_annotations([annotation(1, 2)], ("cat", "dog"), notes=notes)

    part("boxes count from 0").save(tmp_path / "a.arrays")
    loaded = PackedAnnotations.load(tmp_path / "a.arrays")
    assert loaded.notes == ("boxes count from 0",) == loaded.take([0]).notes
    joined = PackedAnnotations.concatenate([loaded, part("boxes count from 0", "ids renumbered")])
    assert joined.notes == ("boxes count from 0", "ids renumbered")


def test_category_ids_without_gaps_stand_in_and_wrong_ones_are_refused() -> None:
    assert packed(1).category_ids == (1, 2)
    with pytest.raises(ValueError, match="category id of its own"):
        PackedAnnotations.from_annotations([], ("cat", "dog"), (3, 3))
