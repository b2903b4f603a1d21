"""What the commands `lssd benchmark …` share: a record is printed and appended to a file."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from lightweight_ssd.benchmark.record import Measurement, Record
from lightweight_ssd.commands.benchmark_results import publish, settings_of


def _benchmark(rounds: int = 1) -> Record:
    return Record("step", f"{rounds} images.", [Measurement("a", 1.0, "ms")])


def test_the_record_is_printed_and_appended(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "benchmarks" / "RESULTS.md"
    publish(_benchmark, {"rounds": 7}, file)
    printed = capsys.readouterr().out
    assert "7 images." in printed and "| a " in printed and printed.endswith(f"appended to {file}\n")
    assert printed.removesuffix(f"appended to {file}\n") in file.read_text()


def test_without_a_file_it_is_only_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(tmp_path)
    publish(_benchmark, {}, None)
    assert "| a " in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_folder_is_refused_before_anything_is_measured(tmp_path: Path):
    def measured() -> Record:
        raise AssertionError("measured")

    message = r"Expected a file for results=… but .* is a folder; give results=.*RESULTS\.md"
    with pytest.raises(ValueError, match=message):
        publish(measured, {}, tmp_path)


def test_settings_are_plain_and_without_what_is_apart_or_missing():
    cfg = OmegaConf.create({"results": "R.md", "size": 3, "node": {"side": "${size}"}, "folder": "???"})
    assert settings_of(cfg, apart=("size",)) == {"node": {"side": 3}}
