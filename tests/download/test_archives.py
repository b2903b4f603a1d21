import dataclasses
import io
import shutil
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.archive_server import ArchiveServer
from tests.small_archives import VOC_PARTS, voc_archives

from lightweight_ssd.download import archives
from lightweight_ssd.download.archives import Archive, Contents, Download
from lightweight_ssd.download.install import list_files

LISTS = ["train.txt", "trainval.txt", "val.txt"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ArchiveServer]:
    with ArchiveServer(voc_archives(tmp_path / "source")) as running:
        yield running


@pytest.fixture
def voc(server: ArchiveServer) -> Download:
    archives = {}
    for part, (name, _, _) in VOC_PARTS.items():
        archives[part] = Archive(server.url(f"/{name}"), len(server.files[f"/{name}"]))
    uses = {"all": list(archives), "2007": ["trainval2007", "test2007"]}
    return Download("VOC", "data", archives, uses, inside="VOCdevkit", last="ImageSets")


class Told(list[str]):
    """What was said."""

    def __call__(self, line: str) -> None:
        self.append(line)


def _visible(root: Path) -> list[str]:
    return [name for name in list_files(root) if not name.startswith(".prepare/")]


def test_parts_join_in_the_folder_that_training_expects(voc: Download, server: ArchiveServer, tmp_path: Path):
    root, told = tmp_path / "made" / "root", Told()
    assert voc.prepare(root, say=told) == ["trainval2007", "test2007", "trainval2012"]
    assert sorted(path.name for path in root.iterdir()) == [".prepare", "VOC2007", "VOC2012"]
    images = sorted(path.name for path in (root / "VOC2007" / "JPEGImages").iterdir())
    assert images == ["000001.jpg", "000002.jpg", "000003.jpg"]
    lists = sorted(path.name for path in (root / "VOC2007" / "ImageSets" / "Main").iterdir())
    assert lists == sorted([*LISTS, "test.txt"])
    assert voc.use(root) == "all"
    left = sorted(path.name for path in (root / ".prepare").iterdir() if path.suffix == ".json")
    assert left == ["test2007.json", "trainval2007.json", "trainval2012.json"]
    assert list((root / ".prepare" / "archives").iterdir()) == []  # no archive is kept
    assert told[1] == "trainval2007: 7 files in place (checked: size)"


def test_the_second_call_does_nothing(voc: Download, server: ArchiveServer, tmp_path: Path):
    voc.prepare(tmp_path / "root", say=Told())
    before, asked = list_files(tmp_path / "root"), len(server.requests)
    told = Told()
    assert voc.prepare(tmp_path / "root", say=told) == []
    assert told == ["trainval2007: there already", "test2007: there already", "trainval2012: there already"]
    assert list_files(tmp_path / "root") == before
    assert len(server.requests) == asked


def test_parts_can_be_chosen_and_come_later(voc: Download, server: ArchiveServer, tmp_path: Path):
    root = tmp_path / "root"
    assert voc.prepare(root, ["test2007"], say=Told()) == ["test2007"]
    assert [path.name for path in (root / "VOC2007" / "ImageSets" / "Main").iterdir()] == ["test.txt"]
    assert voc.use(root) is None
    assert voc.prepare(root, ["trainval2007", "test2007"], say=Told()) == ["trainval2007"]
    assert voc.use(root) == "2007"


@pytest.mark.parametrize(
    ("parts", "got"), [(["trainval2008"], "trainval2008"), ([], "none"), (["test2007", "a", "b"], "a, b")]
)
def test_a_part_that_does_not_exist_is_said(parts: Any, got: str, voc: Download, tmp_path: Path):
    sentence = rf"Expected parts=… as some of trainval2007, test2007, trainval2012 but got {got}\."
    with pytest.raises(ValueError, match=sentence):
        voc.prepare(tmp_path / "root", parts)
    assert not (tmp_path / "root").exists()


def test_what_was_deleted_comes_back(voc: Download, tmp_path: Path):
    root = tmp_path / "root"
    voc.prepare(root, say=Told())
    before = _visible(root)
    (root / "VOC2007" / "JPEGImages" / "000003.jpg").unlink()
    assert voc.use(root) is None
    assert voc.prepare(root, say=(told := Told())) == ["test2007"]
    gone = "1 of its files gone or changed, the first VOC2007/JPEGImages/000003.jpg"
    assert told[1] == f"test2007: no longer whole, {gone}"
    assert _visible(root) == before


def test_what_the_user_has_is_not_overwritten(voc: Download, tmp_path: Path):
    mine = tmp_path / "root" / "VOC2007" / "Annotations" / "000003.xml"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(ValueError, match=rf"Expected no other file where the archive's go but {mine} is one: "):
        voc.prepare(tmp_path / "root", ["test2007"], say=Told())
    assert mine.read_text() == "mine"
    assert _visible(tmp_path / "root") == ["VOC2007/Annotations/000003.xml"]


def test_archives_can_be_kept_and_brought(voc: Download, server: ArchiveServer, tmp_path: Path):
    voc.prepare(tmp_path / "root", archives=tmp_path / "archives", say=Told())
    names = sorted(path.name for path in (tmp_path / "archives").iterdir())
    assert names == sorted(name for name, _, _ in VOC_PARTS.values())
    asked = len(server.requests)
    voc.prepare(tmp_path / "other", archives=tmp_path / "archives", say=Told())
    assert len(server.requests) == asked
    assert _visible(tmp_path / "other") == _visible(tmp_path / "root")


def _with_contents(voc: Download) -> Download:
    """The same, which knows what to look for."""
    splits = {
        "trainval2007": ("2007", "trainval", 2),
        "test2007": ("2007", "test", 1),
        "trainval2012": ("2012", "trainval", 2),
    }
    archives = {}
    for part, (year, split, count) in splits.items():
        files = [f"VOC{year}/JPEGImages/{{}}.jpg", f"VOC{year}/Annotations/{{}}.xml"]
        holds = Contents([f"VOC{year}/ImageSets/Main/{split}.txt"], count, files)
        archives[part] = dataclasses.replace(voc.archives[part], holds=holds)
    return dataclasses.replace(voc, archives=archives)


@pytest.fixture
def by_hand(voc: Download, server: ArchiveServer, tmp_path: Path) -> Path:
    """All parts as somebody unpacked them: without receipts."""
    voc.prepare(tmp_path / "root", say=Told())
    shutil.rmtree(tmp_path / "root" / ".prepare")
    server.requests.clear()
    return tmp_path / "root"


def test_what_was_unpacked_by_hand_is_found(voc: Download, server: ArchiveServer, by_hand: Path):
    told, known = Told(), _with_contents(voc)
    assert known.prepare(by_hand, say=told) == [] and server.requests == []
    assert told[0] == "trainval2007: found, not downloaded: 5 files, all that its lists name (not compared by hash)"
    assert known.use(by_hand) == "all"
    assert known.prepare(by_hand, say=told) == [] and told[3:] == [f"{part}: there already" for part in VOC_PARTS]


def test_what_is_found_needs_its_half_of_a_download_no_more(voc: Download, by_hand: Path):
    (folder := by_hand / ".prepare" / "archives").mkdir(parents=True)
    for ending in (".part", ".part.validator"):
        (folder / f"VOCtest_06-Nov-2007.tar{ending}").write_bytes(b"half")
    _with_contents(voc).prepare(by_hand, say=Told())
    assert list(folder.iterdir()) == []


def test_where_the_archive_is_there_as_well_it_is_compared(voc: Download, server: ArchiveServer, by_hand: Path):
    folder = by_hand.parent / "archives"
    folder.mkdir()
    (folder / "VOCtest_06-Nov-2007.tar").write_bytes(server.files["/VOCtest_06-Nov-2007.tar"])
    assert _with_contents(voc).prepare(by_hand, archives=folder, say=Told()) == ["test2007"]
    assert server.requests == []


LACKING = "test2007: found in part, 1 of 3 files is missing or empty, the first VOC2007/{}: downloading it"


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ("JPEGImages/000003.jpg", [LACKING]),
        ("Annotations/000003.xml", [LACKING]),
        ("ImageSets/Main/test.txt", []),  # without it nothing there is known to be of this part
    ],
)
@pytest.mark.parametrize("how", ["missing", "empty"])
def test_what_is_not_whole_is_not_taken_for_found(
    voc: Download, server: ArchiveServer, by_hand: Path, lacking: str, said: list[str], how: str
):
    path, told = by_hand / "VOC2007" / lacking, Told()
    path.unlink() if how == "missing" else path.write_bytes(b"")
    if how == "missing":
        assert _with_contents(voc).prepare(by_hand, say=told) == ["test2007"]
        assert path.is_file() and [request[0] for request in server.requests] == ["/VOCtest_06-Nov-2007.tar"]
    else:
        with pytest.raises(ValueError, match=f"Expected no other file where the archive's go but {path} is one"):
            _with_contents(voc).prepare(by_hand, say=told)
    assert [line for line in told if "test2007: found" in line] == [line.format(lacking) for line in said]


def test_a_list_that_names_too_few_is_said_and_nothing_where_nothing_lies(voc: Download, by_hand: Path):
    listed, told = by_hand / "VOC2007/ImageSets/Main/trainval.txt", Told()
    listed.write_text("000001\n")
    with pytest.raises(ValueError, match="Expected no other file"):
        _with_contents(voc).prepare(by_hand, ["trainval2007"], say=told)
    sentence = "VOC2007/ImageSets/Main/trainval.txt should name 2 images, not 1"
    assert told[0] == f"trainval2007: found in part, {sentence}: downloading it"
    _with_contents(voc).prepare(by_hand.parent / "new", ["trainval2007"], say=(new := Told()))
    assert new[0].startswith("trainval2007: ") and " from http" in new[0]


@pytest.mark.parametrize("content", ["{}", "[", '{"images": [{"file_name": "a.jpg"}]}'])
def test_a_coco_file_names_its_images(tmp_path: Path, content: str):
    (tmp_path / "some.json").write_text(content)
    holds = Contents(["some.json"], 2, ["images/{}"])
    assert holds.find(tmp_path) == ({}, "")
    (tmp_path / "some.json").write_text('{"images": [{"file_name": "a.jpg", "id": 1}, {"file_name": "b.jpg"}], "x": 0}')
    (tmp_path / "images").mkdir()
    said = ["", "1 of 3 files is missing or empty, the first images/b.jpg"]
    for name, sentence in zip(("a.jpg", "b.jpg"), said, strict=True):
        assert holds.find(tmp_path) == ({}, sentence)
        (tmp_path / "images" / name).write_bytes(b"1")
    assert holds.find(tmp_path) == ({"some.json": 77, "images/a.jpg": 1, "images/b.jpg": 1}, "")


def test_a_wrong_hash_leaves_nothing_to_be_seen(voc: Download, tmp_path: Path):
    wrong = dataclasses.replace(voc.archives["test2007"], md5="0" * 32)
    other = dataclasses.replace(voc, archives={**voc.archives, "test2007": wrong})
    with pytest.raises(ValueError, match="Expected the md5 0000"):
        other.prepare(tmp_path / "root", ["test2007"], say=Told())
    assert list(list_files(tmp_path / "root")) == [".prepare/.locks/prepare"]


def test_another_edition_counts_as_not_there(voc: Download, tmp_path: Path):
    voc.prepare(tmp_path / "root", ["test2007"], say=Told())
    known = dataclasses.replace(voc.archives["test2007"], md5="0" * 32)
    assert dataclasses.replace(voc, archives={"test2007": known}, uses={}).is_there(tmp_path / "root", "test2007")
    receipt = tmp_path / "root" / ".prepare" / "test2007.json"
    receipt.write_text(receipt.read_text().replace('"url"', '"md5": "1111", "url"'))
    assert not dataclasses.replace(voc, archives={"test2007": known}, uses={}).is_there(tmp_path / "root", "test2007")


def test_a_hostile_archive_leaves_nothing_to_be_seen(voc: Download, server: ArchiveServer, tmp_path: Path):
    server.files["/VOCtest_06-Nov-2007.tar"] = _tar_with(b"evil", "../../evil")
    archive = dataclasses.replace(voc.archives["test2007"], size=None)
    with pytest.raises(ValueError, match="a name that leads out of the folder"):
        dataclasses.replace(voc, archives={"test2007": archive}, uses={}).prepare(tmp_path / "root", say=Told())
    assert _visible(tmp_path / "root") == []
    assert not list(tmp_path.rglob("evil"))


def _tar_with(content: bytes, name: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def test_an_archive_of_something_else_is_refused(voc: Download, server: ArchiveServer, tmp_path: Path):
    server.files["/VOCtest_06-Nov-2007.tar"] = _tar_with(b"x", "OtherKit/x.txt")
    archive = dataclasses.replace(voc.archives["test2007"], size=None)
    with pytest.raises(ValueError, match=r"Expected a folder VOCdevkit in .* but it has none"):
        dataclasses.replace(voc, archives={"test2007": archive}, uses={}).prepare(tmp_path / "root", say=Told())
    assert _visible(tmp_path / "root") == []


def test_a_call_that_was_killed_while_unpacking_is_cleaned_up(voc: Download, tmp_path: Path):
    leftover = tmp_path / "root" / ".prepare" / "unpacked" / "VOCdevkit" / "VOC2007" / "half.jpg"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    voc.prepare(tmp_path / "root", ["test2007"], say=Told())
    assert not leftover.exists()
    assert "VOC2007/half.jpg" not in _visible(tmp_path / "root")


def test_room_is_looked_for_before_anything_is_asked_for(voc: Download, server: ArchiveServer, tmp_path: Path):
    huge = dataclasses.replace(voc.archives["test2007"], size=10**18)
    with pytest.raises(ValueError, match=r"Expected 2,000,000,000 GB free on the disk of .* but there are"):
        dataclasses.replace(voc, archives={"test2007": huge}, uses={}).prepare(tmp_path / "root", say=Told())
    assert server.requests == []


@pytest.mark.parametrize(("keep", "needs"), [(True, {"archives": 300, "root": 900}), (False, {"root": 1100})])
def test_room_is_that_of_the_worst_moment(keep: bool, needs: dict[str, int], tmp_path: Path):
    todo = {"a": Archive("http://x/a.tar", 100, unpacked=300), "b": Archive("http://x/b.tar", 200, unpacked=600)}
    asked = archives._needs(todo, tmp_path / "root", tmp_path / "archives", keep)
    assert {path.name: size for path, size in asked} == needs


def test_what_came_already_needs_no_room_again(tmp_path: Path):
    (tmp_path / "a.tar.part").write_bytes(bytes(60))
    asked = archives._needs({"a": Archive("http://x/a.tar", 100)}, tmp_path, tmp_path, keep=True)
    assert asked == [(tmp_path, 40), (tmp_path, 100)]


def test_a_second_process_waits_for_the_first(voc: Download, server: ArchiveServer, tmp_path: Path):
    server.pause, told = 0.05, [Told(), Told()]
    calls = [threading.Thread(target=voc.prepare, args=(tmp_path / "root",), kwargs={"say": lines}) for lines in told]
    for call in calls:
        call.start()
    for call in calls:
        call.join(timeout=300)
    assert sum(line.endswith("there already") for lines in told for line in lines) == 3
    assert len(server.requests) == 3


def test_a_folder_that_cannot_be_made_is_said(voc: Download, tmp_path: Path):
    (tmp_path / "root").touch()
    with pytest.raises(ValueError, match=r"Expected a folder that can be written at .*root.* but Not a directory: "):
        voc.prepare(tmp_path / "root", say=Told())


@pytest.mark.parametrize("urls", [("http://x/a.tar", "http://y/a.tar"), ("http://x/",), ("http://x/..",)])
def test_archives_need_names_of_their_own(urls: tuple[str, ...]):
    archives = {str(number): Archive(url) for number, url in enumerate(urls)}
    with pytest.raises(ValueError, match="Expected addresses that end in different file names but got"):
        Download("x", "x", archives, {})


def test_a_use_of_unknown_parts_is_refused():
    with pytest.raises(ValueError, match=r"but data=x needs \['b'\]\."):
        Download("x", "x", {"a": Archive("http://x/a.tar")}, {"data=x": ["b"]})


def test_checks_say_what_is_known():
    assert Archive("http://x/a%20b.tar?download=1").name == "a b.tar"
    assert Archive("http://x/a.tar").checks == "nothing, since nothing is known of it"
    assert Archive("http://x/a.tar", 0, sha256="0").checks == "size, sha256"
