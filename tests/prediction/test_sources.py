"""What `source=` means: files, folders, globs, lists, addresses, standard input and cameras."""

from pathlib import Path

import pytest

from lightweight_ssd.prediction.sources import Source, find_sources


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("p/b[1].jpg", "p/a.BMP", "p/c.MP4", "p/notes.doc", "p/.hidden", "p/inside/d.jpg", "p/inside/e.avi"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path("p/folder.jpg").mkdir()


def places(*sources: str | Path, recursive: bool = False, output: str | None = None) -> list[str]:
    found = find_sources(sources, recursive, None if output is None else Path(output))
    return [source.place for source in found.items]


def test_a_folder_has_images_and_videos_sorted_and_names_the_rest() -> None:
    found = find_sources(["p"])
    assert found.items == [Source("image", "p/a.BMP"), Source("image", "p/b[1].jpg"), Source("video", "p/c.MP4")]
    assert found.passed_over == [Path("p/notes.doc")]


def test_recursive_looks_into_folders() -> None:
    assert places("p", recursive=True) == ["p/a.BMP", "p/b[1].jpg", "p/c.MP4", "p/inside/d.jpg", "p/inside/e.avi"]


def test_globs_also_absolute_and_names_with_brackets() -> None:
    assert places("p/b[1].jpg") == ["p/b[1].jpg"]
    assert places("p/**/*.jpg") == ["p/b[1].jpg", "p/inside/d.jpg"]
    assert places(Path("p").absolute() / "*.MP4") == [str(Path("p/c.MP4").absolute())]
    assert places("p/inside", "p/*", "p/a.BMP") == [
        "p/a.BMP",
        "p/b[1].jpg",
        "p/c.MP4",
        "p/inside/d.jpg",
        "p/inside/e.avi",
    ]


def test_what_an_earlier_call_wrote_is_not_looked_at() -> None:
    Path("p/found").mkdir()
    Path("p/found/a.jpg").touch()
    assert "p/found/a.jpg" in places("p", recursive=True)
    assert "p/found/a.jpg" not in places("p", recursive=True, output="p/found")
    assert "p/found/a.jpg" not in places("p/**/*", output="p/found")
    assert places("p/found", output="p/found") == ["p/found/a.jpg"]  # which is refused, and said


def test_a_list_has_a_path_a_line_relative_to_it_or_to_here(tmp_path: Path) -> None:
    text = f"\ufeffinside/d.jpg\r\n# a comment\n\np/a.BMP\n{tmp_path}/p/c.MP4\n  b[1].jpg \ngone.jpg\n"
    Path("p/list.txt").write_text(text, encoding="utf-8")
    assert places("p/list.txt") == [f"{tmp_path}/p/c.MP4", "p/a.BMP", "p/b[1].jpg", "p/gone.jpg", "p/inside/d.jpg"]
    Path("a.BMP").touch()
    Path("p/list.TXT").write_text("a.BMP\n")
    assert places("p/list.TXT") == ["p/a.BMP"]  # beside the list, though there is one here


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Expected one path a line in p/list.txt but it has none"),
        (b"# only this\n", "has none"),
        (b"0 0.5 0.5 0.1 0.1\n", r"none of its 1 lines is a file; the first is 0 0\.5"),
        (b"p\n", "none of its 1 lines is a file"),
        (b"a.BMP\nhttp://127.0.0.1/a.jpg\n", r"but got http://127\.0\.0\.1/a\.jpg; give addresses as source"),
        (b"a.BMP\nfile:///etc/passwd\n", "but got file:///etc/passwd"),
        (b"\x89PNG\0\0", "it is no text in UTF-8"),
    ],
)
def test_a_list_that_is_none_is_one_sentence(content: bytes, sentence: str) -> None:
    Path("p/list.txt").write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        find_sources(["p/list.txt"])


def test_what_is_no_file() -> None:
    sources = find_sources(["-", "0", "http://user:secret@host/a.jpg?b=c,d", "p/a.BMP", "-", 0]).items  # type: ignore
    assert sources == [
        Source("image", "p/a.BMP"),
        Source("stdin", "-"),
        Source("camera", "0"),
        Source("address", "http://user:secret@host/a.jpg?b=c,d"),
    ]
    assert list(map(str, sources)) == ["p/a.BMP", "-", "camera 0", "http://host/a.jpg?b=c,d"]
    Path("0").mkdir()
    Path("0/x.jpg").touch()
    assert places("0") == ["0/x.jpg"]  # what is there is meant


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://host/a.jpg", "rtsp://host/a", "concat://a.mp4"])
def test_no_other_scheme_than_http(address: str) -> None:
    with pytest.raises(ValueError, match=r"^Expected an address that begins with http:// or https:// for source=… but"):
        find_sources([address])


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("p/notes.doc", r"^Expected an image or a video \(jpg, .*\) for source=… but got p/notes\.doc"),
        ("none.jpg", r"^There is no image or video .* at source=none\.jpg; give a file, a folder or a glob"),
        ("p/*.png", r"at source=p/\*\.png"),
        ("empty", r"at source=empty itself; recursive=true looks into the folders inside it"),
    ],
)
def test_nothing_to_look_at_is_one_sentence(source: str, sentence: str) -> None:
    Path("empty").mkdir()
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        find_sources([source])
