"""One sentence for an error, and its traceback in a file of the user's own."""

import os
from pathlib import Path

import pytest
from tests.command_line import run_command

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.commands.traceback_file import _KEPT, cache_folder


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def fail(error: Exception) -> None:
    with pytest.raises(SystemExit) as end, one_sentence_errors("lssd data check"):
        raise error
    assert end.value.code == 1


def named(err: str) -> Path:
    """The file that the message points at."""
    return Path(err.rpartition("(the traceback is in ")[2].rstrip(")\n"))


def test_the_traceback_lies_in_the_users_cache_a_file_for_each(capsys) -> None:
    files = []
    for reason in ("first", "second"):
        fail(TypeError(reason))
        written = capsys.readouterr().err
        assert written.startswith(f"lssd data check: TypeError: {reason}\n")
        files.append(named(written))
    assert [file.parent for file in files] == [cache_folder()] * 2 and files[0] != files[1]
    assert all(file.name.startswith("lssd-data-check-") and f"-{os.getpid()}-" in file.name for file in files)
    for file, reason in zip(files, ("first", "second"), strict=True):
        assert file.read_text().startswith("Traceback") and f"TypeError: {reason}" in file.read_text()
    assert cache_folder().stat().st_mode & 0o777 == 0o700  # nobody else's to read


def test_the_newest_are_kept(capsys) -> None:
    for _ in range(_KEPT + 3):
        fail(ValueError("wrong"))
    assert len(list(cache_folder().iterdir())) == _KEPT
    assert named(capsys.readouterr().err).is_file()


def test_in_a_run_it_lies_in_the_runs_folder(tmp_path: Path, capsys) -> None:
    error = ValueError("wrong")
    vars(error)["run_dir"] = tmp_path
    fail(error)
    assert capsys.readouterr().err == f"lssd data check: wrong\n(the traceback is in {tmp_path / 'lssd-error.log'})\n"
    assert "ValueError: wrong" in (tmp_path / "lssd-error.log").read_text()
    assert not cache_folder().exists()


def test_what_cannot_be_written_is_not_pointed_at(monkeypatch, capsys) -> None:
    Path("file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path("file").absolute()))
    fail(ValueError("wrong"))
    assert capsys.readouterr().err == "lssd data check: wrong\n(HYDRA_FULL_ERROR=1 shows the traceback)\n"


@pytest.mark.slow
def test_a_run_that_fails_has_its_traceback(tmp_path: Path, monkeypatch, capsys) -> None:
    arguments = ("experiment=smoke", "logger=csv", f"run_dir={tmp_path / 'run'}", "optim=sgd", "optim.lr=1e30")
    ended = run_command(monkeypatch, capsys, "train", *arguments)
    assert ended.code == 1 and f"(the traceback is in {tmp_path / 'run' / 'lssd-error.log'})" in ended.err
    assert (tmp_path / "run" / "lssd-error.log").read_text().startswith("Traceback")
