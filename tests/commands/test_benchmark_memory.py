"""`lssd benchmark memory`: what it refuses; `tests/benchmark/test_memory.py` measures."""

import pytest
from tests.command_line import run_command


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("steps=0", "Expected steps to be a whole number of at least 1, but got 0."),
        ("share=1", "Expected share to be a number of at least 0 and below 1, but got 1."),
        ("precisions=[64-true]", "Expected precisions"),
    ],
)
def test_bad_setting_gets_one_sentence(option: str, message: str, monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "benchmark", "memory", option, "results=null")
    assert ended.code == 1
    assert message in ended.err and "Traceback" not in ended.err
