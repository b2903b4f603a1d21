"""`lssd benchmark startup`: what it refuses; `tests/benchmark/test_startup.py` measures."""

from tests.command_line import run_command


def test_bad_setting_gets_one_sentence(monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "benchmark", "startup", "rounds=0", "results=null")
    assert ended.code == 1
    assert "Expected rounds to be a whole number of at least 1, but got 0." in ended.err
