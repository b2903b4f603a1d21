"""What an earlier call wrote makes room, and nothing else does, whatever the list says."""

import json
from pathlib import Path

import pytest

from lightweight_ssd.prediction.outputs.folder import OutputFolder, expect_own_files, remove_earlier
from lightweight_ssd.system.atomic_write import NotWritten


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ("keep.jpg", "out/kept.jpg", "out/notes.txt", "other/x.jpg", "out/data.bin"):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).touch()
    Path("out/link.jpg").symlink_to(Path("keep.jpg").absolute())
    Path("out/elsewhere").symlink_to(Path("other").absolute())


def names() -> list[str]:
    return sorted(str(path.relative_to("out")) for path in Path("out").rglob("*"))


def test_what_was_written_is_removed_with_its_folders_also_of_a_call_that_was_killed() -> None:
    before = names()
    folder = OutputFolder(Path("out"))
    for name in ("a.jpg", "crops/cat/a_1.jpg", "labels/clip/000001.txt", "predictions.json", "clip.mp4", "späť\n.jpg"):
        folder.place(name).touch()
    for part in ("predictions.json.part", "clip.part.mp4", "a.jpg.part"):
        Path("out", part).touch()
    folder.place("never.jpg")  # was not written any more
    remove_earlier(Path("out"))
    assert names() == before


def test_a_folder_with_something_else_in_it_stays() -> None:
    folder = OutputFolder(Path("out"))
    folder.place("crops/cat/a_1.jpg").touch()
    Path("out/crops/mine.png").touch()
    remove_earlier(Path("out"))
    assert Path("out/crops/mine.png").exists() and not Path("out/crops/cat").exists()


@pytest.mark.parametrize(
    "name", ["../keep.jpg", "/keep.jpg", "link.jpg", "elsewhere/x.jpg", "data.bin", "", ".", "a\0.jpg", 3, None]
)
def test_a_list_of_somebody_elses_removes_nothing_elsewhere(name: object) -> None:
    before = names()
    Path("out/.lssd-predict").write_text(f"not JSON\n{json.dumps(name)}\n{json.dumps([name])}\n")
    remove_earlier(Path("out"))
    assert names() == before and Path("keep.jpg").exists() and Path("other/x.jpg").exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1]",
        "{}",
        '{"a": 1}',
        '[{"file": "x", "picture": "../keep.jpg", "detections": []}]',
        '[{"file": "x", "picture": 3, "detections": []}, {"file": "x", "picture": "notes.txt", "detections": []}]',
        '[{"picture": "kept.jpg"}]',
    ],
)
def test_a_result_of_somebody_elses_removes_no_picture(content: str) -> None:
    Path("out/predictions.json").write_text(content)
    remove_earlier(Path("out"))
    assert {"kept.jpg", "notes.txt", "data.bin", "link.jpg"} <= set(names()) and Path("keep.jpg").exists()


def test_pictures_of_version_0_2_which_kept_no_list() -> None:
    Path("out/a.jpg").touch()
    Path("out/predictions.json").write_text('[{"file": "p/a.png", "picture": "a.jpg", "detections": []}]')
    remove_earlier(Path("out"))
    assert "a.jpg" not in names() and "predictions.json" not in names() and "kept.jpg" in names()


@pytest.mark.parametrize("name", ["kept.jpg", "link.jpg", "elsewhere/x.jpg", "notes.txt"])
def test_no_place_is_handed_out_where_a_file_of_somebody_elses_is(name: str) -> None:
    folder, before = OutputFolder(Path("out")), names()
    with pytest.raises(NotWritten, match=rf"^Expected to write out/{name} but a file .* output=…"):
        folder.place(name)
    folder.close()
    remove_earlier(Path("out"))
    assert set(names()) == set(before) - {".lssd-predict"}


@pytest.mark.parametrize("part", ["table.csv.part", "table.part.csv"])
def test_nor_where_its_unfinished_file_would_be(part: str) -> None:
    Path("out", part).write_text("mine")
    with pytest.raises(NotWritten, match=part):
        OutputFolder(Path("out")).place("table.csv")
    with pytest.raises(NotWritten, match=part):
        expect_own_files(Path("out"), ["table.csv"])
    assert Path("out", part).read_text() == "mine"


def test_what_an_earlier_call_wrote_may_be_written_again_and_nothing_else() -> None:
    folder = OutputFolder(Path("out"))
    for name in ("a.jpg", "labels/a.txt"):
        folder.place(name).touch()
    folder.close()
    expect_own_files(Path("out"), ["a.jpg", "labels/a.txt", "new.jpg"])
    expect_own_files(Path("nowhere"), ["a.jpg"])
    for name in ("kept.jpg", "link.jpg", "notes.txt"):
        with pytest.raises(NotWritten, match=rf"^Expected to write out/{name} but a file that no earlier"):
            expect_own_files(Path("out"), ["a.jpg", name])
