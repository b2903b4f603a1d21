import csv
from pathlib import Path

import pytest

from lightweight_ssd.data.checks.problems import NOTES, SKIPPED, Findings, Kind, Problem


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.reader(file))


def test_every_kind_is_an_error_or_a_note():
    assert Problem(Kind.TRUNCATED_IMAGE, "train", "a.jpg").severity == "error"
    assert Problem(Kind.CMYK, "train", "a.jpg").severity == "note"
    assert not NOTES & SKIPPED
    assert {Kind.MISSING_SPLIT, Kind.TRAIN_AND_TEST, Kind.REFUSED}.isdisjoint(NOTES | SKIPPED)
    assert Kind.MISSING_IMAGE in SKIPPED


def test_the_whole_list_goes_to_the_file_and_the_first_files_into_the_table(tmp_path: Path):
    with Findings(tmp_path / "problems.csv") as findings:
        for number in range(5):
            findings.add(Problem(Kind.BOX_OUTSIDE, "train", f"/data/{number // 2}.xml", f"object {number}, far out"))
        findings.add(Problem(Kind.CMYK, "val, test", "/data/9.jpg"))
        assert not (tmp_path / "problems.csv").exists()
    header, *rows = read(tmp_path / "problems.csv")
    assert header == ["severity", "kind", "split", "file", "detail"]
    assert rows[3] == ["error", "box outside image", "train", "/data/1.xml", "object 3, far out"]
    assert rows[5] == ["note", "CMYK image", "val, test", "/data/9.jpg", ""]
    assert (findings.errors, findings.notes) == (5, 1)
    _, first, second = findings.table().splitlines()
    assert first.split() == ["error", "box", "outside", "image", "5", "0.xml,", "1.xml,", "2.xml,", "…"]
    assert second.split() == ["note", "CMYK", "image", "1", "9.jpg"]
    assert findings.examples() == "box outside image: 0.xml: object 0, far out"
    assert [path.name for path in tmp_path.iterdir()] == ["problems.csv"]


def test_nothing_wrong_leaves_an_empty_list(tmp_path: Path):
    with Findings(tmp_path / "problems.csv") as findings:
        pass
    assert (findings.table(), findings.examples(), findings.errors) == ("", "", 0)
    assert len(read(tmp_path / "problems.csv")) == 1


def test_what_breaks_off_leaves_the_earlier_list(tmp_path: Path):
    (tmp_path / "problems.csv").write_text("earlier")
    with pytest.raises(KeyboardInterrupt), Findings(tmp_path / "problems.csv") as findings:
        findings.add(Problem(Kind.CMYK, "train", "a.jpg"))
        raise KeyboardInterrupt
    assert (tmp_path / "problems.csv").read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["problems.csv"]


def test_any_name_of_a_file_can_be_written_and_shown(tmp_path: Path):
    name = b'/data/\xff\x1b[31m\n,".jpg'.decode("utf-8", "surrogateescape")
    with Findings(tmp_path / "problems.csv") as findings:
        findings.add(Problem(Kind.MISSING_IMAGE, "train", name, "gone"))
    assert read(tmp_path / "problems.csv")[1][3] == name
    for shown in (findings.table(), findings.examples()):
        assert '�[31m�,".jpg' in shown.encode().decode()
        assert "\x1b" not in shown
