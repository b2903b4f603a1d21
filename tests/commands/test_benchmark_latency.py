"""`lssd benchmark latency`, tiny."""

from pathlib import Path

import pytest
from tests.command_line import TINY, run_command

SMALL = ["image_size=64", "rounds=2", "warmup=0", "num_classes=2"]


def test_the_command_appends_its_section(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = [*TINY, *SMALL, "forms=[eager]", "peers=false", "results=results.md"]
    ended = run_command(monkeypatch, capsys, "benchmark", "latency", *arguments)
    assert (ended.code, ended.err) == (None, "")
    assert "One image of 64×64 to the raw outputs, 1 thread(s), 2 rounds." in (tmp_path / "results.md").read_text()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("threads=0", "Expected threads to be a whole number of at least 1, but got 0."),
        ("image_size=32", "Expected image_size to be a whole number of at least 64, but got 32."),
        (
            "forms=[tflite]",
            "Expected forms to be a list of one or more of the runtimes that --help names, but got ['tflite'].",
        ),
        ("forms=[]", "Expected forms to be a list of one or more of the runtimes that --help names, but got []."),
    ],
)
def test_bad_setting_gets_one_sentence(option: str, message: str, monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "benchmark", "latency", option, "results=null")
    assert ended.code == 1
    assert message in ended.err and "Traceback" not in ended.err
