"""`lssd report` from the command line: everything it writes, what it says of a wrong request, and the watch."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.command_line import Outcome, ending, run_command
from tests.run_folders import TABLE, draw_scene, write_run_folder, write_table
from tests.run_server import RunServer
from tests.surroundings import Surroundings

from lightweight_ssd.config.overrides import hydra_arguments
from lightweight_ssd.sweeps.record import JobRecord, write_job, write_sweep

FAST = ("resamples=50", "max_images=2")


def _report(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> Outcome:
    return run_command(monkeypatch, capsys, "report", *arguments)


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_without_arguments_it_reads_runs(monkeypatch, capsys) -> None:
    write_table(Path("runs"))
    ended = _report(monkeypatch, capsys, *FAST)
    assert ended.code is None and "n.s." in ended.out and "report/index.html" in ended.out
    for name in ("index.html", "report.md", "report.csv", "runs.csv", "plots/differences.svg"):
        assert Path("report", name).stat().st_size > 100
    assert not list(Path("report").rglob("*.part")) and "analyzing run 6 of 6" in ended.err
    assert "analyzing" not in _report(monkeypatch, capsys, *FAST).err


@pytest.mark.slow
def test_folders_of_several_machines(monkeypatch, capsys) -> None:
    write_table(Path("here"), TABLE[:2], seeds=(0,))
    write_table(Path('a, b=[c] "d"'), TABLE[2:], seeds=(0,))
    ended = _report(monkeypatch, capsys, "here", 'a, b=[c] "d"', "baseline=CFPN", "output=out", *FAST)
    assert ended.code is None, ended.err
    lines = {line.split()[0]: line for line in ended.out.splitlines()[1:4]}
    assert set(lines) == {"SSD", "FPN", "CFPN"} and "baseline" in lines["CFPN"] and "[" in lines["FPN"]
    assert Path("out/report.md").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("label", ["BLL + GrayMixRGB", "neck=fpn, neck.circles=2", "[a] {b} \"c\" 'd'"])
def test_a_baseline_of_any_name(monkeypatch, capsys, label: str) -> None:
    write_table(Path("runs"), (TABLE[0], TABLE[2]._replace(label=label)), seeds=(0,), num_images=4)
    ended = _report(monkeypatch, capsys, f"baseline={label}", *FAST)
    assert ended.code is None, ended.err
    assert next(line for line in ended.out.splitlines() if line.startswith(label)).endswith("baseline")


@pytest.mark.slow
def test_unfinished_runs_are_in_the_report_but_not_in_the_means(monkeypatch, capsys) -> None:
    write_table(Path("runs"), TABLE[:2], seeds=(0,))
    scene = draw_scene(Path("images"))
    write_run_folder(Path("runs/bad"), TABLE[0], 1, scene, state="failed", error="no memory", hour=5)
    ended = _report(monkeypatch, capsys, *FAST)
    assert (
        "1 of 2" in ended.out and "\nNot in the table: 1 failed. The page and report/report.md name them." in ended.out
    )
    assert "| necks: SSD (seed 1) | failed | no memory |" in Path("report/report.md").read_text()


@pytest.mark.slow
def test_failed_starts_are_one_line_and_never_the_baseline(monkeypatch, capsys) -> None:
    scene = draw_scene(Path("images"), 6)
    for place in range(17):
        row = TABLE[1]._replace(label=None, overrides=(f"neck=fpn a={place}",))
        write_run_folder(Path(f"runs/bad{place}"), row, 0, scene, state="failed", error="no data", config={"a": place})
    write_table(Path("runs"), (TABLE[0], TABLE[2]), seeds=(0,), num_images=6)
    ended = _report(monkeypatch, capsys, *FAST)
    assert "Not in the table: 17 failed." in ended.out and "no data" not in ended.out and "a=3" not in ended.out
    lines = [line for line in ended.out.splitlines() if line.startswith(("SSD", "CFPN"))]
    assert len(lines) == 2 and lines[0].endswith("baseline") and "[" in lines[1]


@pytest.mark.slow
def test_two_tables_in_one_report(monkeypatch, capsys) -> None:
    for experiment in ("table3", "table4"):
        write_table(Path("runs"), seeds=(0,), num_images=6, experiment=experiment)
    ended = _report(monkeypatch, capsys, *FAST)
    assert ended.code is None and ended.out.count("  baseline\n") == 2 and "\n\ntable4\n" in ended.out
    text = Path("report/report.md").read_text()
    for experiment in ("table3", "table4"):
        assert f"## {experiment}\n\nThe baseline is **FPN ({experiment})**." in text
        assert Path(f"report/plots/differences_{experiment}.png").is_file()


@pytest.mark.slow
def test_jobs_of_a_sweep_that_never_began(monkeypatch, capsys) -> None:
    write_table(Path("runs"), TABLE[:2], seeds=(0,))
    jobs = [["experiment=necks", f"neck={neck}"] for neck in ("none", "fpn", "pan", "bifpn")]
    write_sweep(Path("runs/sweeps/1"), jobs, [])
    write_job(Path("runs/sweeps/1"), JobRecord(2, jobs[2], "failed", reason="ValueError: no pan"))
    ended = _report(monkeypatch, capsys, "runs/necks", *FAST)
    assert "note: 3 of 4 jobs of the newest sweep of necks (1) have not begun." in ended.out
    assert "| necks: neck=pan | failed | ValueError: no pan | – |" in Path("report/report.md").read_text()


def test_only_runs_that_are_still_running(monkeypatch, capsys) -> None:
    write_run_folder(Path("runs/a"), TABLE[0], 0, draw_scene(Path("images")), state="running")
    ended = _report(monkeypatch, capsys, *FAST)
    assert ended.code is None and ended.out.startswith("No run has finished yet.")
    assert "Not in the table: 1 run in progress." in ended.out and Path("report/index.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "Expected a folder of runs but there is none at nowhere"),
        (("empty",), "Expected runs in empty but found none"),
        (("baseline=PAN",), "got baseline=PAN; the rows are SSD"),
        (("resamples=0",), "Expected resamples to be a whole number of at least 1, but got 0."),
        (("workers=0",), "Expected workers to be a whole number of at least 1 or null, but got 0."),
        (("every=0",), "Expected every to be seconds above 0, but got 0."),
        (("images=nowhere",), "there is none at images=nowhere"),
        (("output=file/report",), "Expected a folder to write in"),
    ],
)
def test_one_sentence_for_a_wrong_request(monkeypatch, capsys, arguments: tuple[str, ...], said: str) -> None:
    write_table(Path("runs"), TABLE[:1], seeds=(0,), num_images=2)
    Path("empty").mkdir()
    Path("file").write_text("")
    ended = _report(monkeypatch, capsys, *arguments)
    assert ended.code == 1 and said in ended.err and "Traceback" not in ended.err


def test_what_was_typed_becomes_overrides(tmp_path: Path) -> None:
    Path("seed=0,1").mkdir()
    assert hydra_arguments(["a", "--watch", "seed=0,1", "port=0"]) == ["watch=true", "port=0", 'runs=["a","seed=0,1"]']
    assert hydra_arguments(['baseline=BLL + a="b"']) == ['baseline="BLL + a=\\"b\\""']
    assert hydra_arguments(["baseline='FPN'", "baseline=null"]) == ["baseline='FPN'", "baseline=null"]
    assert hydra_arguments(["--cfg", "job", "seed=3", "runs=[x]"]) == ["--cfg", "job", "seed=3", "runs=[x]"]


@pytest.mark.slow
def test_no_model_is_built_and_no_framework_loaded(tmp_path: Path) -> None:
    write_table(Path("runs"), TABLE[:1], seeds=(0,), num_images=2)
    code = (
        "import sys; from lightweight_ssd.cli import main; sys.argv = ['lssd', 'report', 'resamples=2']; main(); "
        "assert not {'lightning', 'torchvision', 'timm', 'albumentations', 'wandb'} & set(sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
def test_the_watch_serves_rebuilds_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    scene = draw_scene(Path("images"), 4)
    folder = write_run_folder(Path("runs/a"), TABLE[0], 0, scene, state="running")
    command = [sys.executable, "-u", "-m", "lightweight_ssd", "report", "--watch", "port=0", "every=0.2", *FAST]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process, ending(process):
        assert process.stdout is not None and process.stderr is not None
        address = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        assert address, process.stderr.read()
        assert process.stdout.readline().endswith("1 running\n")
        first = _version(address[0])
        os.truncate(folder / "config.yaml", 40)  # half a file of a run that is being copied
        (folder / "results.json").write_text('{"test": {"map')
        assert process.stdout.readline().endswith("1 running\n")
        write_run_folder(folder, TABLE[0], 0, scene)
        while not (line := process.stdout.readline()).endswith("1 finished\n"):
            assert line, process.stderr.read()
        page = urllib.request.urlopen(address[0], timeout=300).read().decode()
        assert _version(address[0]) != first and '"watch":true' in page
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0 and "the report stays in report" in out and "Traceback" not in err


def _version(address: str) -> str:
    """The version of the page that is out; it is written a moment after the page."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        try:
            return json.loads(urllib.request.urlopen(f"{address}version.json", timeout=300).read())["version"]
        except urllib.error.HTTPError:
            time.sleep(0.1)
    raise AssertionError("no version.json")


@pytest.mark.slow
def test_a_folder_that_may_not_be_listed_is_named(server: RunServer, tmp_path: Path) -> None:
    """Another user's, say; root is bound by the modes here, too."""
    write_table(tmp_path / "runs", TABLE[:1], seeds=(0,), num_images=2)
    hers = tmp_path / "runs" / "hers"
    write_table(hers, TABLE[1:2], seeds=(0,), num_images=2)
    hers.chmod(0)
    try:
        held = {"around": Surroundings(modes_hold=True, plain_plots=True)}
        ended = server.run(tmp_path, "report", *FAST, **held)
        assert ended.code == 0 and "1 file or folder could not be used" in ended.out, ended.out + ended.err
        said = f"{hers} cannot be listed (Permission denied), so runs in it are not shown."
        assert said in (tmp_path / "report" / "report.md").read_text()
        assert said in (tmp_path / "report" / "index.html").read_text()
        alone = server.run(tmp_path, "report", f"runs={hers}", "output=other", **held)
        assert alone.code == 1 and f"found none ({said[:-1]}); name a folder" in alone.err, alone.err
        below = server.run(tmp_path, "report", f"runs={hers / 'necks'}", "output=other", **held)
        assert below.code == 1 and below.err.startswith("lssd report: Expected a folder of runs but there is none at ")
    finally:
        hers.chmod(0o755)
