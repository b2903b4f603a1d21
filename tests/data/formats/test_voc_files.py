from pathlib import Path

import pytest

from lightweight_ssd.data.formats.voc_files import list_entries, list_file_entries, pair_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images in folders and sub-folders, XML files likewise."""
    for name in ("a.jpg", "b.png", "c.d.jpeg", "sub/e.jpg", "._a.jpg", ".hidden/x.jpg", "__MACOSX/y.jpg", "notes.txt"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for name in ("a.xml", "b.png.xml", "sub/e.xml"):
        path = tmp_path / "xml" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def pairs(folder: Path, ids: list[str] | None = None) -> list[tuple[str, str]]:
    images, xmls = folder / "images", folder / "xml"
    entries = pair_files(images, xmls, ids)
    assert all(entry.annotation is not None for entry in entries)
    return [(str(one.image.relative_to(images)), str(one.annotation.relative_to(xmls))) for one in entries]  # pyright: ignore[reportOptionalMemberAccess]


def test_all_images_of_a_folder_with_the_files_of_their_names(folder: Path) -> None:
    found = [("a.jpg", "a.xml"), ("b.png", "b.png.xml"), ("c.d.jpeg", "c.d.xml"), ("sub/e.jpg", "sub/e.xml")]
    assert pairs(folder) == found
    assert [entry.image_id for entry in pair_files(folder / "images", folder / "xml")] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "name",
    [
        "sub/e",
        "sub/e.jpg",
        "./sub/e",
        ".\\sub\\e.jpg",
        "JPEGImages/sub/e",
        "/home/anna/data/JPEGImages/sub/e.jpg",
        "e",
        "e.jpg",
    ],
)
def test_an_id_may_have_folders_and_a_suffix(folder: Path, name: str) -> None:
    assert pairs(folder, [name, "c.d"]) == [("sub/e.jpg", "sub/e.xml"), ("c.d.jpeg", "c.d.xml")]


def test_an_id_never_leads_out_of_the_folder(folder: Path) -> None:
    (folder / "secret.jpg").touch()
    for name in ("../secret", "sub/../../secret.jpg", str(folder / "secret.jpg")):
        with pytest.raises(FileNotFoundError, match="has none"):
            pairs(folder, [name])


def test_a_suffix_chooses_among_images_of_one_name(folder: Path) -> None:
    (folder / "images" / "a.png").touch()
    assert pairs(folder, ["a.png"]) == [("a.png", "a.xml")]
    assert pairs(folder, ["a.jpg"]) == [("a.jpg", "a.xml")]
    with pytest.raises(ValueError, match=r"names of their own .* 2 are called 'a' \(\.png, \.jpg\)"):
        pairs(folder)


def test_one_image_by_two_ids_is_told(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"once in the list .*'\./a\.jpg' stands there twice"):
        pairs(folder, ["a", "./a.jpg"])


def test_images_in_folders_with_all_files_in_one(folder: Path) -> None:
    (folder / "xml" / "sub" / "e.xml").rename(folder / "xml" / "e.xml")
    assert pairs(folder)[-1] == ("sub/e.jpg", "e.xml")
    (folder / "images" / "other").mkdir()
    (folder / "images" / "other" / "e.jpg").touch()
    with pytest.raises(ValueError, match=r"2 images would have .*e\.xml.*into sub-folders"):
        pairs(folder)


def test_an_ambiguous_name_is_missing(folder: Path) -> None:
    (folder / "images" / "other").mkdir()
    (folder / "images" / "other" / "e.jpg").touch()
    with pytest.raises(FileNotFoundError, match=r"'e' has none \(1 of 1 have none\)"):
        pairs(folder, ["e"])


def test_images_and_files_side_by_side(folder: Path) -> None:
    (folder / "images" / "a.xml").touch()
    entries = pair_files(folder / "images", folder / "images", ["a"])
    assert entries[0].annotation == folder / "images" / "a.xml"


def test_missing_folders_and_images_are_told(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"folder of images at .*gone"):
        pair_files(folder / "gone", folder / "xml")
    with pytest.raises(FileNotFoundError, match=r"folder of annotations at .*gone"):
        pair_files(folder / "images", folder / "gone")
    (folder / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"in .*empty, but there are none: set data\.images"):
        pair_files(folder / "empty", folder / "xml")


def test_all_that_is_wrong_is_listed(folder: Path) -> None:
    entries, problems = list_entries(folder / "images", folder / "xml", ["x", "a", "y"], "the list")
    assert [(entry.image_id, entry.image.name) for entry in entries] == [(2, "a.jpg")]
    assert [type(problem) for problem in problems] == [FileNotFoundError] * 2
    (folder / "list.txt").write_text("a 1\nb -1\na\n")
    entries, faults = list_file_entries(folder / "list.txt", folder / "images", folder / "xml")
    assert [entry.image.name for entry in entries] == ["a.jpg", "b.png"]
    assert [fault.detail for fault in faults] == ["a"]
