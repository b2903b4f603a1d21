"""A run is not taken for one on other data, wherever the data lies."""

from pathlib import Path

import numpy as np
import pytest

from lightweight_ssd.data.digest import check_same_data, digest, digests_of, same_where_both
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.types import Annotation


class Source:
    """Three images with a box each, in a folder of its own."""

    def __init__(self, root: str, label: int = 0) -> None:
        self.root, self.label = root, label

    def annotations(self, split: str) -> PackedAnnotations:
        box = np.array([[1, 2, 11, 22]], np.float32)
        made = [
            Annotation.of_boxes(n, f"{self.root}/{split}/{n}.jpg", 30, 40, box, np.array([self.label if n == 3 else 0]))
            for n in (1, 2, 3)
        ]
        return PackedAnnotations.from_annotations(made, ("cat", "dog"))


def test_the_digest_is_of_what_is_annotated_not_of_where_it_lies() -> None:
    here, there, other = (Source(root, label).annotations("train") for root, label in (("a", 0), ("b", 0), ("a", 1)))
    assert digest(here) == digest(there) != digest(other)
    assert digest(here) != digest(here.take([0, 1]))


def test_only_what_is_used_counts() -> None:
    here, other = Source("a"), Source("b", 1)
    assert digests_of(here).keys() == {"train", "val", "test"} and digests_of(here) != digests_of(other)
    assert digests_of(here, 2) == digests_of(other, 2) != digests_of(here)


def test_splits_that_only_one_has_are_not_compared() -> None:
    assert same_where_both({"train": "a", "val": "b"}, {"train": "a", "test": "c"})
    assert not same_where_both({"train": "a", "val": "b"}, {"val": "c"})


def test_data_that_lies_elsewhere_is_read_and_compared(tmp_path: Path) -> None:
    recorded = {"root": str(tmp_path / "a"), "digests": digests_of(Source("a"))}
    check_same_data(str(tmp_path / "b"), recorded, lambda: digests_of(Source("b")))
    with pytest.raises(
        ValueError, match=r"but data\.root holds other annotations: .*; \S+/a was computed on, not \S+/b\."
    ):
        check_same_data(str(tmp_path / "b"), recorded, lambda: digests_of(Source("b", 1)))


def test_data_in_its_old_place_or_of_an_old_run_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> dict[str, str]:
        raise AssertionError("it takes seconds")

    monkeypatch.chdir(tmp_path)
    check_same_data("a", {"root": str(tmp_path / "a"), "digests": {}}, read)
    check_same_data("a", {}, read)


def test_data_in_its_old_place_that_may_be_read_in_another_way_is_compared(tmp_path: Path) -> None:
    recorded = {"root": str(tmp_path / "a"), "digests": digests_of(Source("a"))}
    check_same_data(str(tmp_path / "a"), recorded, lambda: digests_of(Source("a")), always=True)
    with pytest.raises(
        ValueError, match=r"but those in \S+/a are now read in another way: give another exp.*never\)\.$"
    ):
        check_same_data(str(tmp_path / "a"), recorded, lambda: digests_of(Source("a", 1)), always=True)
