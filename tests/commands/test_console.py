"""One sentence for an error, and its traceback in a file of the user's own."""

import os
from pathlib import Path

import pytest
from tests.command_line import run_command

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.commands.traceback_file import _KEPT, cache_folder
from lightweight_ssd.config.batch_split import BatchSplit


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


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("train", "data=voc"), "Expected the data set data=voc at data.root="),
        (("train", "experiment=smoke", "trainer=gpu"), "Expected a GPU for trainer=gpu but PyTorch sees 0"),
        (("predict", "photo.jpg", "checkpoint=no.ckpt"), "There is no image or video ("),
        (("report", "runs=nowhere"), "Expected a folder of runs but there is none at nowhere"),
    ],
)
def test_a_sentence_of_ours_stands_alone(monkeypatch, capsys, arguments: tuple[str, ...], sentence: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    ended = run_command(monkeypatch, capsys, *arguments)
    assert ended.code == 1 and sentence in ended.err
    assert len(ended.err.splitlines()) == 1 and not cache_folder().exists()


def test_a_value_that_a_library_refuses_within_our_code_keeps_its_traceback(capsys) -> None:
    """It is a ValueError, too, but nobody has thought of it, and its words say nothing to a user."""
    with pytest.raises(SystemExit), one_sentence_errors("lssd train"):
        BatchSplit.parse("some x many")
    assert "int()" in named(capsys.readouterr().err).read_text()


@pytest.mark.slow
def test_what_a_part_of_the_user_raises_while_training_has_its_traceback(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "mine_that_fails.py").write_text(
        "from lightning.pytorch import Callback\n\nclass Mine(Callback):\n"
        "    def on_train_batch_end(self, *args):\n        raise ValueError('mine')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    arguments = ("experiment=smoke", "logger=csv", f"run_dir={tmp_path / 'run'}")
    ended = run_command(monkeypatch, capsys, "train", *arguments, "+callbacks.mine._target_=mine_that_fails.Mine")
    log = tmp_path / "run" / "lssd-error.log"
    assert ended.code == 1 and ended.err.endswith(f"lssd train: mine\n(the traceback is in {log})\n")
    assert "mine_that_fails.py" in log.read_text()
