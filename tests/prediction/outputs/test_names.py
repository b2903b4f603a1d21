"""Names of output files are all different, and lead nowhere else."""

import pytest

from lightweight_ssd.prediction.outputs.names import class_folders, output_stems
from lightweight_ssd.prediction.sources import Source

ODD = [
    "cat",
    "a/b",
    "a\\b",
    "..",
    ".",
    "",
    "/etc",
    "CAT",
    "con",
    "Aux.x",
    "x. ",
    "tab\there",
    "\x1b[31m",
    "ü" * 200,
    "-r",
    "a:b",
]


def test_folders_of_classes_are_single_safe_names() -> None:
    names = class_folders(ODD)
    assert len({name.casefold() for name in names}) == len(ODD)
    for name in names:
        assert name not in ("", ".", "..") and len(name.encode()) < 200
        assert not set(name) & set('/\\:*?"<>|\t\x1b') and name == name.rstrip(". ")
    assert names[0] == "cat" and names[7] == "CAT-2" and names[8] == "_con"


def test_stems_differ_also_from_names_that_look_numbered() -> None:
    assert output_stems([]) == []
    files = [Source("image", place) for place in ("a/x.jpg", "a/x-2.jpg", "b/X.png", "c/x.bmp")]
    assert output_stems([*files, Source("video", "x.mp4")]) == ["x", "x-2", "X-3", "x-4", "x-5"]


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        (Source("stdin", "-"), "stdin"),
        (Source("camera", "2"), "camera2"),
        (Source("address", "https://host/photos/my%20cat.jpg?size=9"), "my cat"),
        (Source("address", "https://host/a%2F..%2F..%2Fb.jpg"), "b"),
        (Source("address", "https://host/..%5C..%5Cx.jpg"), ".._.._x"),
        (Source("address", "https://host/"), "download"),
        (Source("address", "https://host"), "download"),
        (Source("image", "photos/2106_[0'6'53-0'7'11]_v94.jpg"), "2106_[0'6'53-0'7'11]_v94"),
        (Source("image", f"{'a' * 251}.jpg"), "a" * 150),
    ],
)
def test_stems(source: Source, stem: str) -> None:
    assert output_stems([source]) == [stem]


def test_many_equal_names_are_told_apart_quickly() -> None:
    stems = output_stems([Source("image", f"{number}/x.jpg") for number in range(20_000)])
    assert len(set(stems)) == 20_000 and stems[-1] == "x-20000"
