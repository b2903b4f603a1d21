"""Several processes that want the same run at once: no two of them ever write into one folder."""

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.run_server import Forked, RunServer

pytestmark = pytest.mark.slow

QUICK = (
    "experiment=smoke", "logger=csv", "pictures=0", "gray_test=false", "latency=null", "deterministic=true",
    "trainer.max_epochs=1",
)  # fmt: skip
USED_BY = r"(being trained|in use) by process (\d+) on \S+"


@pytest.fixture
def cwd(server: RunServer, tmp_path: Path) -> Path:
    """A folder whose data are drawn, so that processes which start together also train together."""
    ended = server.run(tmp_path, "train", *QUICK, "experiment_name=first")
    assert ended.code == 0, ended.err
    return tmp_path


def _runs(cwd: Path) -> list[Path]:
    return sorted(path.parent for path in (cwd / "runs" / "smoke").glob("*/identity.json"))


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def _ended(started: list[Forked]) -> list[tuple[int | None, str, str]]:
    written = [each.communicate(300) for each in started]
    return [(each.returncode, *texts) for each, texts in zip(started, written, strict=True)]


def _paused(server: RunServer, cwd: Path, *command: str) -> tuple[Forked, Path, int]:
    """A run that stands still in the middle of its training."""
    first = server.start(cwd, "train", *command, "trainer.max_epochs=200")
    end = time.monotonic() + 300
    while not any(_read(path).get("step") for path in (cwd / "runs" / "smoke").glob("*/status.json")):
        assert first.poll() is None and time.monotonic() < end, first.communicate()
        time.sleep(0.02)
    (status,) = (cwd / "runs" / "smoke").glob("*/status.json")
    os.kill(pid := _read(status)["pid"], signal.SIGSTOP)
    return first, status.parent, pid


def _go_on_and_stop(first: Forked, pid: int) -> None:
    os.kill(pid, signal.SIGCONT)
    first.send_signal(signal.SIGINT)
    first.communicate()
    assert first.returncode == 130


def test_runs_that_start_together_get_a_folder_each(server: RunServer, cwd: Path) -> None:
    ended = _ended([server.start(cwd, "train", *QUICK) for _ in range(3)])
    assert [code for code, _, _ in ended] == [0, 0, 0], ended
    runs = _runs(cwd)
    assert len(runs) == 3 and len({run.name.rpartition("-")[0] for run in runs}) >= 1
    metrics = [_read(run / "results.json")["test"] for run in runs]
    assert metrics[0] == metrics[1] == metrics[2], "nobody wrote into another one's record"
    assert {re.search(r"^run folder: (.*)$", out, re.M)[1] for _, out, _ in ended} == set(map(str, runs))  # pyright: ignore[reportOptionalSubscript]
    assert not [path for run in runs for path in run.glob(".lock*")]


def test_the_second_start_says_who_has_the_run(server: RunServer, cwd: Path) -> None:
    """With the default it gets a folder of its own; with resume=auto, or in the same folder, it is refused."""
    first, run, pid = _paused(server, cwd, *QUICK, "resume=never")
    long = (*QUICK, "trainer.max_epochs=200")
    (cwd / "link").symlink_to(cwd / "runs")
    refused = [
        ("resume=auto",), (f"run_dir={run}",), (f"run_dir={run}", "resume=auto"),
        ("resume=auto", f"runs={cwd / 'link'}"), ("resume=auto", "runs=./data/../runs"),
    ]  # fmt: skip
    for arguments in refused:
        ended = server.run(cwd, "train", *long, *arguments)
        assert ended.code == 1, arguments
        sentence = ended.err.splitlines()[0]
        found = re.search(USED_BY, sentence)
        assert found is not None and int(found[2]) == pid and str(run.name) in sentence, sentence
        assert "Traceback" not in ended.err and _runs(cwd) == [run]
    own = server.start(cwd, "train", *long)
    assert own.stdout is not None
    lines = [own.stdout.readline() for _ in range(2)]
    said = [line for line in lines if re.search(USED_BY, line)]
    assert said and "this one gets a folder of its own" in said[0] and str(pid) in said[0], lines
    own.kill()
    own.communicate()
    _go_on_and_stop(first, pid)
    assert _read(run / "status.json")["state"] == "interrupted"


def test_of_those_that_resume_together_one_trains(server: RunServer, cwd: Path) -> None:
    ended = _ended([server.start(cwd, "train", *QUICK, "trainer.max_epochs=3", "resume=auto") for _ in range(3)])
    (run,) = _runs(cwd)
    trained = [out for code, out, _ in ended if code == 0 and "run folder" in out]
    others = [(code, out + err) for code, out, err in ended if not (code == 0 and "run folder" in out)]
    assert len(trained) == 1
    for code, text in others:  # one that came late found it finished
        assert re.search(USED_BY, text) if code else "Nothing to do" in text, text
    assert _read(run / "status.json")["state"] == "finished"


def test_a_sweep_waits_for_a_run_that_was_started_by_hand(server: RunServer, cwd: Path) -> None:
    first, run, pid = _paused(server, cwd, *QUICK)
    sweep = server.start(cwd, "train", "-m", *QUICK, "trainer.max_epochs=200")
    assert sweep.stdout is not None
    line = sweep.stdout.readline()
    while "waiting for it" not in line:
        assert line, sweep.communicate()
        line = sweep.stdout.readline()
    assert f"trained by process {pid} on " in line
    sweep.send_signal(signal.SIGINT)
    sweep.communicate()
    _go_on_and_stop(first, pid)
    assert _runs(cwd) == [run]


def test_a_run_by_hand_does_not_enter_the_folder_of_a_job(server: RunServer, cwd: Path) -> None:
    sweep, run, pid = _paused(server, cwd, "-m", *QUICK)
    ended = server.run(cwd, "train", *QUICK, "trainer.max_epochs=200", "resume=auto")
    assert ended.code == 1 and f"being trained by process {pid} on " in ended.err, ended.err
    os.kill(pid, signal.SIGCONT)
    sweep.send_signal(signal.SIGINT)
    sweep.communicate()
    assert _runs(cwd) == [run] and not (run / ".lock").exists()


def test_other_conditions_are_said_when_a_run_goes_on_or_is_finished(server: RunServer, cwd: Path) -> None:
    first = ("trainer.max_epochs=3", "channels_last=false")
    stopped = server.run(cwd, "train", *QUICK, *first, stage="renaming", moment=4)
    assert stopped.code == -signal.SIGKILL
    other = ("trainer.max_epochs=3", "resume=auto", "channels_last=true")
    went_on = server.run(cwd, "train", *QUICK, *other)
    assert went_on.code == 0, went_on.err
    assert "This run goes on with channels_last=true; until now it was trained with channels_last=false." in went_on.out
    (run,) = _runs(cwd)
    identity = _read(run / "identity.json")
    assert identity["conditions"]["channels_last"] is True
    assert [each["channels_last"] for each in identity["earlier_conditions"]] == [False]
    finished = server.run(cwd, "train", *QUICK, *first, "resume=auto")
    (line,) = [each for each in finished.out.splitlines() if each.startswith("Nothing to do")]
    assert "It was trained with channels_last=true and not with channels_last=false" in line
