"""Carries out a fault and judges how it ended: in the figures of the undisturbed command, or in one sentence."""

import re
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.reliability.random_faults import EACH, Fault
from tests.reliability.scenes import LONGEST, SCENES, Stage, ended
from tests.run_server import Ended
from tests.surroundings import Surroundings, on_disk

from lightweight_ssd.checkpoint.load import load_checkpoint

SAME, SENTENCE = "same figures", "one sentence"
_KILLED = (-signal.SIGKILL, -signal.SIGXFSZ)
_CHECKPOINTS = 3  # that a run writes at least
_ATTEMPTS = 8  # to strike a command before it ends


class Verdict(NamedTuple):
    """How a fault ended: `SAME` or `SENTENCE`, and what the command said."""

    outcome: str
    said: str = ""


def carry_out(stage: Stage, fault: Fault) -> Verdict:
    """Lets the fault happen.

    Raises:
        AssertionError: It ended in any other way; with what the last command wrote.
    """
    return _KINDS[fault.kind](stage, fault)


def _kill(stage: Stage, fault: Fault) -> Verdict:
    """The same command, given at once, goes on; what the killed one has started ends meanwhile."""
    whole = stage.whole(fault.command)
    share = fault.share
    for _ in range(_ATTEMPTS):
        stage.set("start", fault.command)
        by_clock = fault.way in ("clock", "tree")
        moments = whole.files if fault.way == "file" else _CHECKPOINTS
        moment = share * whole.seconds if by_clock else 1 + int(moments * share)
        killed = stage.start(fault.command, stage=fault.way, moment=moment)
        jobs_are_killed = fault.command == "sweep" and not by_clock  # and it lives on
        if killed.wait(LONGEST) in _KILLED or jobs_are_killed:
            break
        ended(killed)
        share *= 0.7  # it was faster than before, or opens fewer files
    else:
        raise AssertionError("it could not be killed before its end")
    _assert_whole_checkpoints(stage.folder)
    again = stage.run(fault.command)
    ended(killed)
    assert again.code == 0, _told(again)
    _assert_same(stage, fault.command, again)
    return Verdict(SAME)


def _full_disk(stage: Stage, fault: Fault) -> Verdict:
    """Once there is room the same command goes on."""
    whole = stage.whole(fault.command)
    stage.set("start", fault.command)
    if fault.way == "disk":
        used = sum(map(on_disk, stage.sizes().values()))
        around, alone = Surroundings(disk=on_disk(used + int(fault.share * whole.size))), ()
    else:
        around = Surroundings(largest_file=int(fault.share * whole.largest))
        # a loader process hands its images on in files of shared memory, which no disk makes small
        alone = () if fault.command in ("predict", "report") else ("num_workers=0",)
    verdict = _judge(stage, fault.command, stage.run(fault.command, *alone, around=around))
    _assert_whole_checkpoints(stage.folder)
    return _with_all_again(stage, fault.command, verdict)


def _read_only(stage: Stage, fault: Fault) -> Verdict:
    folders = SCENES[fault.command].folders
    stage.whole(fault.command)
    goes_on = fault.command in ("train", "sweep") and fault.share > 0.5
    stage.set("cut off" if goes_on else "start", fault.command)
    place = int(fault.choice * len(folders))
    folder = stage.folder / folders[0 if fault.way == "file in its place" else place]
    with _unwritable(folder, fault.way) as around:
        verdict = _judge(stage, fault.command, stage.run(fault.command, around=around))
    return _with_all_again(stage, fault.command, verdict)


def _truncated(stage: Stage, fault: Fault) -> Verdict:
    """Between two commands; a sentence names the file."""
    stage.whole(fault.command)
    stage.set(fault.way, fault.command)
    cut = _chosen_file(stage.folder, fault.choice)
    length = 0 if fault.share < 1 / EACH else int(fault.share * cut.stat().st_size)
    with cut.open("r+b") as file:
        file.truncate(length)
    again = stage.run(fault.command)
    about = f"{cut.relative_to(stage.folder)} cut to {length} bytes"
    return _judge(stage, fault.command, again, cut, about)


def _second_process(stage: Stage, fault: Fault) -> Verdict:
    """Both end well, or the second one says in one sentence who has what it wants."""
    whole = stage.whole(fault.command)
    other, more = _other(stage, fault)
    share = fault.share
    for _ in range(_ATTEMPTS):
        stage.set("start", fault.command)
        first = stage.start(fault.command)
        time.sleep(share * whole.seconds)
        if first.poll() is None:
            break
        ended(first)
        share *= 0.7  # it was faster than before
    else:
        raise AssertionError("the second could not be started before the first ended")
    second = stage.start(other, *more)
    end_of_second, end_of_first = ended(second), ended(first)
    assert end_of_first.code == 0, f"the first:\n{_told(end_of_first)}"
    _assert_same(stage, fault.command, end_of_first)
    _assert_one_owner(end_of_first, end_of_second)
    if end_of_second.code:
        return Verdict(SENTENCE, _one_sentence(stage.folder, other, end_of_second))
    assert "Traceback" not in end_of_second.out + end_of_second.err, _told(end_of_second)
    return Verdict(SAME)


_KINDS: dict[str, Callable[[Stage, Fault], Verdict]] = {
    "kill": _kill,
    "full disk": _full_disk,
    "read-only": _read_only,
    "truncated file": _truncated,
    "second process": _second_process,
}


def _with_all_again(stage: Stage, command: str, verdict: Verdict) -> Verdict:
    """Whatever was missing is there: the same command ends as if it always had been."""
    again = stage.run(command)
    assert again.code == 0, f"with all that was missing before:\n{_told(again)}"
    _assert_same(stage, command, again)
    return verdict


def _judge(stage: Stage, command: str, end: Ended, cut: Path | None = None, about: str = "") -> Verdict:
    """Args: cut is a file that was damaged, which a sentence has to name, and about what was done to it."""
    if end.code == 0:
        told = end.out + end.err + _report_of(stage.folder, command)
        named = cut is not None and cut.name in told
        try:
            _assert_same(stage, command, end, cut)
        except (AssertionError, ValueError) as error:
            # a report leaves out what it cannot read, a record that has lost lines goes on: both say so
            assert named, f"{about}: {error}\n{_told(end)}"
            assert "Traceback" not in end.out + end.err, f"{about}:\n{_told(end)}"
            said = [line for line in told.splitlines() if cut and cut.name in line]
            return Verdict(SENTENCE, said[0])
        return Verdict(SAME)
    try:
        said = _one_sentence(stage.folder, command, end)
        assert cut is None or cut.name in end.out + end.err, f"nothing names {cut.name}:\n{_told(end)}"
    except AssertionError as error:
        raise AssertionError(f"{about}\n{error}") from None
    return Verdict(SENTENCE, said)


def _report_of(folder: Path, command: str) -> str:
    """The text of a report, which has room to name what it left out; nothing of the other commands."""
    text = folder / "report" / "report.md"
    return text.read_text() if command == "report" and text.is_file() else ""


def _assert_same(stage: Stage, command: str, end: Ended, cut: Path | None = None) -> None:
    """The figures of the undisturbed command, without a file that was cut and that the command had no need to touch."""
    assert "Traceback" not in end.out + end.err, _told(end)
    expected = dict(stage.whole(command).figures)
    found = SCENES[command].figures(stage.folder)
    if cut is not None and ("Nothing to do" in end.out or "skipped" in end.out):
        expected = {name: value for name, value in expected.items() if not name.startswith(cut.name)}
    for name, value in expected.items():
        assert found.get(name) == value, f"{name} is another than undisturbed:\n{_told(end)}"


def _one_sentence(folder: Path, command: str, end: Ended) -> str:
    """What it said: a line `lssd …: …` on standard error, or for each job of a sweep that failed one in its table."""
    assert "Traceback" not in end.out + end.err, _told(end)
    logs = [path for path in folder.rglob("train.log") if "Traceback" in path.read_text(errors="replace")]
    assert not logs, f"a traceback in {logs}:\n{_told(end)}"
    assert end.code == 1, f"exit code {end.code}:\n{_told(end)}"
    name = SCENES[command].arguments[0]
    sentences = [line for line in end.err.splitlines() if line.startswith(f"lssd {name}: ")]
    reasons = [line for line in end.out.splitlines() if line.strip().startswith("why: ")]
    expected = len(sentences) == 1 or (command == "sweep" and not sentences and reasons)
    assert expected, f"{len(sentences)} sentences:\n{_told(end)}"
    bare = [line for line in sentences or reasons if re.match(r"\s*(lssd \w+|why): \w+(Error|Exception)\b", line)]
    assert not bare, f"an error of Python or of a library in place of a sentence: {bare}"
    return "\n".join(sentences or reasons)


def _assert_one_owner(*ends: Ended) -> None:
    """No two commands have trained in one folder."""
    folders = [line for end in ends for line in end.out.splitlines() if line.startswith("run folder: ")]
    assert len(folders) == len(set(folders)), f"two runs in one folder: {folders}"


def _assert_whole_checkpoints(folder: Path) -> None:
    for path in (folder / "runs").glob("smoke/*/checkpoints/*.ckpt"):
        load_checkpoint(path)


@contextmanager
def _unwritable(folder: Path, way: str) -> Iterator[Surroundings]:
    """A folder that cannot be written to, made where it is missing."""
    if way == "file in its place":
        kept = folder.with_name(f"{folder.name}.kept")
        if folder.exists():
            folder.rename(kept)
        folder.write_text("a file")
        yield Surroundings()
        folder.unlink()
        if kept.exists():
            kept.rename(folder)
        return
    folder.mkdir(exist_ok=True)
    if way == "mount":
        yield Surroundings(read_only=(str(folder),))
        return
    before = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    for path, mode in before.items():
        path.chmod(mode & 0o555)
    yield Surroundings(modes_hold=True)
    for path, mode in before.items():
        path.chmod(mode)


def _chosen_file(folder: Path, choice: float) -> Path:
    """Every sort of file is as likely as any other, and within a sort every file."""
    sorts: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size:
            sorts.setdefault(f"{path.parent.name}{path.suffix}", []).append(path)
    place = choice * len(sorts)
    files = list(sorts.values())[int(place)]
    return files[int(place % 1 * len(files))]


def _other(stage: Stage, fault: Fault) -> tuple[str, tuple[str, ...]]:
    """The second command and what it gets beside its usual arguments."""
    if fault.command not in ("train", "sweep", "report") or fault.way not in ("evaluate", "predict"):
        return fault.way, ()
    stage.set("finished", fault.command)
    run = next((stage.folder / "runs" / "smoke").iterdir()).relative_to(stage.folder)
    return fault.way, (f"checkpoint={run / 'checkpoints' / 'last.ckpt'}",)


def _told(end: Ended) -> str:
    return f"exit code {end.code}\n{end.out[-2500:]}\n--- standard error:\n{end.err[-2500:]}"
