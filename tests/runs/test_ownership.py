"""A run folder has one owner, however many processes want it at once."""

import subprocess
import sys
from pathlib import Path

import pytest

from lightweight_ssd.runs.folder import resumable_run_dir
from lightweight_ssd.runs.ownership import busy_folder, claim, claim_found, claim_new, holds_training
from lightweight_ssd.runs.status import write_status

NAME = "x-0123abcd"
RACERS = 8
# Each says what it got, and keeps it until the others have got theirs
RACE = """
import sys
from pathlib import Path
from lightweight_ssd.runs.folder import resumable_run_dir
from lightweight_ssd.runs.ownership import claim, claim_found, claim_new
folder, how = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
taken = {
    "new": lambda: claim_new(folder, "x-0123abcd"),
    "found": lambda: claim_found(folder, "x-0123abcd", resumable_run_dir),
    "given": lambda: claim(folder / "given"),
}[how]()
print(taken and taken.run_dir.name, flush=True)
sys.stdin.readline()
"""


def _race(folder: Path, ways: list[str]) -> list[str]:
    command = [sys.executable, "-c", RACE]
    racers = [
        subprocess.Popen([*command, str(folder), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for how in ways
    ]
    got = []
    for step in ("ready", "got"):
        for racer in racers:
            assert racer.stdin is not None and racer.stdout is not None
            got += [racer.stdout.readline().strip()] if step == "ready" else []
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("\n")
            racer.stdin.flush()
        if step == "ready":
            got = [racer.stdout.readline().strip() for racer in racers if racer.stdout]
    for racer in racers:
        racer.wait(timeout=300)
    return got


@pytest.mark.slow
def test_processes_that_start_together_get_a_folder_each(tmp_path: Path) -> None:
    got = _race(tmp_path / "runs" / "e", ["new"] * RACERS)
    assert sorted(got) == sorted([NAME, *(f"{NAME}-{number}" for number in range(2, RACERS + 1))])


@pytest.mark.slow
@pytest.mark.parametrize("how", ["found", "given"])
def test_of_processes_that_want_the_same_folder_one_gets_it(how: str, tmp_path: Path) -> None:
    got = _race(tmp_path / "runs" / "e", [how] * RACERS)
    assert sorted(got) == sorted(["given" if how == "given" else NAME, *["None"] * (RACERS - 1)])


def test_the_spelling_of_the_path_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "runs")
    taken = claim_new(tmp_path / "runs" / "e", NAME)
    for other in (Path("runs") / "e", Path("runs") / ".." / "link" / "e"):
        assert claim(other / NAME) is None
        assert claim_found(other, NAME, resumable_run_dir) is None
        busy = busy_folder(other, NAME)
        assert busy is not None and busy[1].startswith("process ")
    taken.release()
    assert busy_folder(Path("runs") / "e", NAME) is None and not list(taken.run_dir.iterdir())


def test_a_start_that_never_trained_leaves_nothing_and_another_one_stays(tmp_path: Path) -> None:
    other = claim_new(tmp_path / "runs" / "e", NAME)
    write_status(other.run_dir, state="running", step=1)
    failed = claim_new(tmp_path / "runs" / "e", NAME)
    write_status(failed.run_dir, state="failed", error="no data")
    assert failed.discard_start() and not other.discard_start()
    assert list((tmp_path / "runs" / "e").iterdir()) == [other.run_dir] and holds_training(other.run_dir)
    alone = claim_new(tmp_path / "elsewhere" / "e", NAME)
    assert alone.discard_start() and not (tmp_path / "elsewhere").exists()


def test_a_folder_that_was_there_before_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    taken = claim(tmp_path / "mine")
    assert taken is not None and not taken.discard_start()
    taken.release()
    assert (tmp_path / "mine").is_dir()


def test_a_place_that_is_a_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(
        ValueError, match=r"Expected a folder to write in for runs=… but got .*/runs/e \(Not a directory"
    ):
        claim_new(tmp_path / "runs" / "e", NAME)
