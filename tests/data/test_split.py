"""`data/split.py`: which images are for train, val and test, by a hash of their names."""

from collections import Counter

import numpy as np
import pytest

from lightweight_ssd.data.selection import is_held_out
from lightweight_ssd.data.split import ImageSplit
from lightweight_ssd.types import SPLITS

NAMES = [f"photos/{number:05d}.jpg" for number in range(4000)]


def test_shares_are_met_and_every_image_is_in_one_split() -> None:
    split = ImageSplit(val=0.2, test=0.1)
    counts = Counter(split.split_of(name) for name in NAMES)
    assert counts.total() == 4000
    assert abs(counts["val"] - 800) < 100 and abs(counts["test"] - 400) < 80
    rows = np.concatenate([split.rows(NAMES, each) for each in SPLITS])
    assert sorted(rows.tolist()) == list(range(4000))


def test_an_image_stays_in_its_split_when_others_come_and_its_folder_or_suffix_changes() -> None:
    split = ImageSplit(val=0.3, test=0.3)
    before = {name: split.split_of(name) for name in NAMES[:50]}
    assert {name: split.split_of(name) for name in NAMES}.items() >= before.items()
    assert all(split.split_of(f"elsewhere/{name[7:-4]}.png") == where for name, where in before.items())


def test_val_is_the_same_images_as_those_of_val_share() -> None:
    split = ImageSplit(val=0.25)
    assert [split.split_of(name) == "val" for name in NAMES] == [is_held_out(name, 0.25) for name in NAMES]


def test_without_a_share_for_test_its_images_are_those_of_val() -> None:
    split = ImageSplit(val=0.2)
    assert split.rows(NAMES, "test").tolist() == split.rows(NAMES, "val").tolist()


def test_frames_of_one_video_stay_together() -> None:
    split = ImageSplit(val=0.4, test=0.2, groups=r"^(.*)_\d+$")
    frames = [f"video{number}_{frame:04d}.jpg" for number in range(60) for frame in range(5)]
    where = {(name.partition("_")[0], split.split_of(name)) for name in frames}
    assert len(where) == 60
    assert {each for _, each in where} == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("pattern", "name", "group"),
    [("^[a-z]+", "street12", "street"), ("_(a)?x", "b_x", "b_x"), ("z", "street", "street"), (None, "a", "a")],
)
def test_the_group_of_a_name(pattern: str | None, name: str, group: str) -> None:
    assert ImageSplit(groups=pattern).group(name) == group


@pytest.mark.parametrize(
    "setting",
    [
        {"val": 0}, {"val": 1}, {"val": 0.6, "test": 0.4}, {"val": "0.2"}, {"val": True}, {"val": float("nan")},
        {"test": -0.1}, {"share": 0.2}, {"groups": "("}, {"groups": 3}, 0.2,
    ],
)  # fmt: skip
def test_what_is_no_split_is_refused_in_one_sentence(setting: object) -> None:
    with pytest.raises(ValueError, match=r"^Expected data\.split"):
        ImageSplit.of(setting)


def test_settings_that_are_left_out_have_defaults() -> None:
    assert ImageSplit.of(None) is None
    assert ImageSplit.of({}) == ImageSplit(0.2, 0.0, None)
    assert ImageSplit.of({"test": 0.1, "groups": None}) == ImageSplit(0.2, 0.1, None)


def test_a_pattern_that_fits_no_name_is_refused() -> None:
    """Each image would be a group of its own, and the frames of a video in several splits."""
    words = r"Expected data\.split\.groups to fit .* but 'zzz' fits none of 3, such as '00000': correct the pattern"
    with pytest.raises(ValueError, match=words):
        ImageSplit(val=0.3, groups="zzz").rows(NAMES[:3], "train")


def test_a_split_without_images_is_an_error_that_says_what_to_change() -> None:
    with pytest.raises(ValueError, match=r"none of 3 images is left for it: give larger shares\.$"):
        ImageSplit(val=0.001).rows(NAMES[:3], "val")
    with pytest.raises(ValueError, match="or a pattern of smaller groups"):
        ImageSplit(val=0.5, groups="photo").rows(["photo1.jpg", "photo2.jpg"], "train")
        ImageSplit(val=0.5, groups="photo").rows(["photo1.jpg", "photo2.jpg"], "val")
