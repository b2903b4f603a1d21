"""`lssd benchmark rows`, with two small rows."""

from pathlib import Path

import pytest
from tests.command_line import run_command

ROWS = "rows=[table5/mobilenet_v2,table5/lightweight_ssd]"


def test_the_command_appends_a_section_with_the_paper_s_times(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ended = run_command(monkeypatch, capsys, "benchmark", "rows", ROWS, "rounds=2", "warmup=0", "results=results.md")
    assert (ended.code, ended.err) == (None, "")
    text = (tmp_path / "results.md").read_text()
    assert "batch 1, 1 thread(s), 2 rounds in turns." in text
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    assert [line[0] for line in lines[1:]] == ["SSD300, Mobilenet v2, 300×300", "Lightweight SSD, 300×300"]
    assert [line[2:4] for line in lines[1:]] == [["paper, RTX 2080 Ti", f"{ms} ms"] for ms in ("23.5", "23.7")]
    assert "10th to 90th percentile: SSD300, Mobilenet v2 " in text
    assert "- As multiples of Lightweight SSD: SSD300, Mobilenet v2 0." in text and "(paper 0.99)" in text


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("rows=[]", "Expected rows to be a list of one or more rows, such as table5/mobilenet, but got []."),
        ("rows=[table5/mobilenett]", "mobilenett"),
        ("rounds=0", "Expected rounds to be a whole number of at least 1, but got 0."),
    ],
)
def test_bad_setting_gets_one_sentence(option: str, message: str, monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "benchmark", "rows", option, "results=null")
    assert ended.code == 1
    assert message in ended.err and "Traceback" not in ended.err
