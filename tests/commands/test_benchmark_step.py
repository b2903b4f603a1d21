"""`lssd benchmark step`, tiny."""

from pathlib import Path

import pytest
from tests.command_line import TINY, run_command

SMALL = ["image_size=64", "batch_size=2", "rounds=2", "warmup=1", "trainer=cpu", "num_workers=0", "num_classes=2"]


def test_the_command_appends_its_section(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ended = run_command(monkeypatch, capsys, "benchmark", "step", *TINY, *SMALL, "peers=false", "loop=false")
    assert (ended.code, ended.err) == (None, "")
    assert "## step, " in ended.out
    assert "| MBlitenet + CFPN, a step |" in (tmp_path / "benchmarks" / "RESULTS.md").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["benchmarks"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("rounds=0", "Expected rounds to be a whole number of at least 1, but got 0."),
        ("threads=0", "Expected threads to be a whole number of at least 1 or null, but got 0."),
        ("batch_size=auto", "Expected batch_size to be a whole number of at least 1 or null, but got 'auto'."),
        ("trainer.precision=64-true", "Expected trainer.precision among"),
    ],
)
def test_bad_setting_gets_one_sentence(option: str, message: str, monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "benchmark", "step", option, "results=null")
    assert ended.code == 1
    assert message in ended.err and "Traceback" not in ended.err
