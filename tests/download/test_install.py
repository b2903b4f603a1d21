from pathlib import Path

import pytest

from lightweight_ssd.download.install import list_files, missing_files, place, read_receipt, write_receipt


def _write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def _read(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in list_files(folder)}


def test_a_new_folder_arrives_whole(tmp_path: Path):
    files = {"VOC/JPEGImages/1.jpg": "a", "VOC/ImageSets/Main/train.txt": "1"}
    (tmp_path / "root").mkdir()
    place(_write(tmp_path / "new", files), tmp_path / "root")
    assert _read(tmp_path / "root") == files


def test_files_join_those_that_are_there(tmp_path: Path):
    root = _write(tmp_path / "root", {"VOC/JPEGImages/1.jpg": "a", "VOC/same.txt": "same", "own.txt": "mine"})
    place(_write(tmp_path / "new", {"VOC/JPEGImages/2.jpg": "b", "VOC/same.txt": "same"}), root)
    files = {"VOC/JPEGImages/1.jpg": "a", "VOC/JPEGImages/2.jpg": "b", "VOC/same.txt": "same", "own.txt": "mine"}
    assert _read(root) == files


@pytest.mark.parametrize("name", ["VOC/2.jpg", "VOC", "VOC/2.jpg/deeper"])
def test_nothing_is_overwritten_and_nothing_moved_then(name: str, tmp_path: Path):
    root = _write(tmp_path / "root", {name: "mine"})
    new = _write(tmp_path / "new", {"VOC/1.jpg": "a", "VOC/2.jpg": "b"})
    with pytest.raises(ValueError, match=rf"Expected no other file where the archive's go but {root}/VOC\S* is one: "):
        place(new, root)
    assert _read(root) == {name: "mine"}
    assert _read(new) == {"VOC/1.jpg": "a", "VOC/2.jpg": "b"}


def test_a_link_that_leads_nowhere_is_not_written_through(tmp_path: Path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "1.jpg").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="Expected no other file"):
        place(_write(tmp_path / "new", {"1.jpg": "a"}), root)
    assert not (tmp_path / "elsewhere").exists()


def test_what_names_the_others_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = {"VOC/ImageSets/Main/test.txt": "2", "VOC/JPEGImages/2.jpg": "b", "VOC/Annotations/2.xml": "c"}
    root = _write(tmp_path / "root", {"VOC/ImageSets/Main/train.txt": "1", "VOC/JPEGImages/1.jpg": "a"})
    moved: list[str] = []
    rename = Path.rename
    monkeypatch.setattr(Path, "rename", lambda path, target: (moved.append(path.name), rename(path, target))[1])
    place(_write(tmp_path / "new", files), root, last="ImageSets")
    assert moved == ["Annotations", "2.jpg", "test.txt"]


def test_a_move_that_was_cut_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root, files = _write(tmp_path / "root", {"VOC/0.jpg": "0"}), {"VOC/1.jpg": "a", "VOC/2.jpg": "b"}
    rename = Path.rename

    def cut(path: Path, target: Path) -> Path:
        if path.name == "2.jpg":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", cut)
    with pytest.raises(KeyboardInterrupt):
        place(_write(tmp_path / "new", files), root)
    monkeypatch.undo()
    place(_write(tmp_path / "again", files), root)
    assert _read(root) == {"VOC/0.jpg": "0", **files}


def test_receipt_notices_what_is_gone_or_changed(tmp_path: Path):
    root = _write(tmp_path / "root", {"a.txt": "a", "b/c.txt": "ccc"})
    write_receipt(tmp_path / "receipt.json", {"md5": "0"}, list_files(root))
    receipt = read_receipt(tmp_path / "receipt.json")
    assert receipt == {"md5": "0", "files": {"a.txt": 1, "b/c.txt": 3}}
    assert missing_files(root, receipt["files"]) == []
    (root / "a.txt").unlink()
    (root / "b/c.txt").write_text("cc")
    assert missing_files(root, receipt["files"]) == ["a.txt", "b/c.txt"]


def test_a_receipt_that_cannot_be_read_is_none(tmp_path: Path):
    (tmp_path / "receipt.json").write_text("{")
    assert read_receipt(tmp_path / "receipt.json") == read_receipt(tmp_path / "none.json") == {}
