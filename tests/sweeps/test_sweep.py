"""`lssd train -m` as a user meets it: real processes, killed, failing, twice at once."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.command_line import port_of_our_own
from tests.run_server import Ended, RunServer

from lightweight_ssd.data.shapes import Shapes
from lightweight_ssd.sweeps.record import JobRecord
from lightweight_ssd.sweeps.sweep import progress_line, sweep_table

pytestmark = pytest.mark.slow

QUICK = ("experiment=smoke", "logger=csv", "pictures=0", "deterministic=true")


def _sweep(cwd: Path, *arguments: str) -> tuple[int, str, str]:
    """In interpreters of their own, the sweep and its jobs; most tests have no need of that, and use `server`."""
    command = [sys.executable, "-m", "lightweight_ssd", "train", "-m", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        command, cwd=cwd, env=environment, start_new_session=True, capture_output=True, text=True, timeout=900
    )
    return ended.returncode, ended.stdout, ended.stderr


def _wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not get that far"
        time.sleep(0.1)


def _runs(cwd: Path) -> list[Path]:
    return sorted((cwd / "runs" / "smoke").iterdir())


def _status(run: Path) -> dict:
    path = run / "status.json"
    return json.loads(path.read_text()) if path.is_file() else {}


FAILING = (*QUICK, "optim=sgd", "optim.lr=1e30,0.01", "trainer.max_epochs=2")


@pytest.fixture(scope="module")
def failing(server: RunServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """Two jobs, the first of which fails."""
    cwd = tmp_path_factory.mktemp("failing")
    return cwd, server.run(cwd, "train", "-m", *FAILING)


def test_a_failing_job_stops_no_other_and_the_table_says_why(failing: tuple[Path, Ended]) -> None:
    cwd, (code, out, err) = failing
    assert code == 1 and "Traceback" not in out + err
    table = out[out.index("outcome") :]
    assert re.search(r"optim\.lr=1e\+30 +failed", table) and re.search(r"optim\.lr=0\.01 +done", table)
    assert re.search(r"why: .*not finite at step", table)
    log = Path(re.search(r"log: (.*)", table)[1])  # pyright: ignore[reportOptionalSubscript]
    assert "not finite" in log.read_text()
    assert "1 done, 1 failed" in table
    assert sorted(_status(run)["state"] for run in _runs(cwd)) == ["failed", "finished"]


def test_a_line_per_job_tells_of_progress(failing: tuple[Path, Ended]) -> None:
    out = failing[1][1]
    assert re.search(r"\[2/2\] optim\.lr=0\.01: +\d+ % \(step \d+ of 12\)", out)


def test_the_same_command_skips_what_is_done_and_repeats_what_failed(
    server: RunServer,
    failing: tuple[Path, Ended],
) -> None:
    cwd, _ = failing
    (done,) = [run for run in _runs(cwd) if _status(run)["state"] == "finished"]
    before = (done / "results.json").stat().st_mtime_ns
    code, out, _ = server.run(cwd, "train", "-m", *FAILING)
    assert code == 1 and "1 skipped, 1 failed" in out
    assert (done / "results.json").stat().st_mtime_ns == before
    (failed,) = [run for run in _runs(cwd) if _status(run)["state"] == "failed"]
    assert (failed / "train.log").read_text().count("lightweight_ssd train") == 2


def test_rerun_all_repeats_in_a_folder_of_its_own(
    server: RunServer, failing: tuple[Path, Ended], tmp_path: Path
) -> None:
    cwd = tmp_path / "copy"  # the other tests count the runs of theirs
    shutil.copytree(failing[0], cwd)
    (done,) = [run for run in _runs(cwd) if _status(run)["state"] == "finished"]
    code, out, err = server.run(cwd, "train", "-m", *FAILING[:-2], "optim.lr=0.01", "trainer.max_epochs=2", "rerun=all")
    assert code == 0 and "1 done" in out, err
    again = done.with_name(f"{done.name}-2")
    assert json.loads((again / "results.json").read_text())["test"] == json.loads(
        (done / "results.json").read_text()
    )["test"]  # fmt: skip


def test_a_killed_sweep_goes_on_and_ends_as_if_it_had_not_been(server: RunServer, tmp_path: Path) -> None:
    """The sweep alone is killed: its run notices, leaves a checkpoint. Then all of it: the last one on disk serves."""
    command = (*QUICK, "trainer.max_epochs=30")
    sweep = server.start(tmp_path, "train", "-m", *command)
    _wait_for(lambda: any((tmp_path / "runs").glob("smoke/*/checkpoints/last.ckpt")))
    (run,) = _runs(tmp_path)
    pid = _status(run)["pid"]
    sweep.kill()
    sweep.communicate()
    _wait_for(lambda: not _alive(pid))
    assert _status(run)["state"] == "interrupted" and _status(run)["step"] < 180

    stopped_at = _status(run)["step"]
    sweep = server.start(tmp_path, "train", "-m", *command)
    _wait_for(lambda: _status(run)["state"] == "running" and _status(run)["step"] > stopped_at + 6)
    child = _status(run)["pid"]
    sweep.kill()
    os.kill(child, signal.SIGKILL)
    sweep.communicate()
    _wait_for(lambda: not _alive(child))

    code, out, err = server.run(tmp_path, "train", "-m", *command)
    assert code == 0 and "was aborted, resumed" in out, out + err
    assert _runs(tmp_path) == [run]
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "data").symlink_to(tmp_path / "data")
    assert server.run(whole, "train", "-m", *command)[0] == 0
    results = [json.loads((path / "results.json").read_text()) for path in (run, _runs(whole)[0])]
    for part in ("test", "test_gray", "content", "row"):
        assert results[0][part] == results[1][part]
    assert (run / "metrics.csv").read_text() == (_runs(whole)[0] / "metrics.csv").read_text()
    assert (run / "times.csv").read_text().count("\n") == (run / "metrics.csv").read_text().count("\n")


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(server: RunServer, tmp_path: Path) -> None:
    sweep = server.start(tmp_path, "train", "-m", *QUICK, "trainer.max_epochs=400", "seed=0,1")
    _wait_for(lambda: any((tmp_path / "runs").glob("smoke/*/checkpoints/last.ckpt")))
    sweep.send_signal(signal.SIGINT)
    out, err = sweep.communicate(timeout=300)
    assert sweep.returncode == 130 and "same command goes on" in err and "Traceback" not in out + err
    assert re.search(r"seed=0 +interrupted", out) and "1 not begun" in out
    (run,) = _runs(tmp_path)
    assert f"log: {run / 'train.log'}" in out
    assert _status(run)["state"] == "interrupted" and (run / "checkpoints" / "last.ckpt").is_file()


def test_two_sweeps_at_once_train_a_run_once(server: RunServer, tmp_path: Path) -> None:
    """The run of the first stands still until the second has said that it waits, however slowly that one begins."""
    command = (*QUICK, "trainer.max_epochs=20")
    sweeps = [server.start(tmp_path, "train", "-m", *command)]
    _wait_for(lambda: any(_status(run).get("state") == "running" for run in (tmp_path / "runs").glob("smoke/*")))
    (run,) = _runs(tmp_path)
    trains = _status(run)["pid"]
    os.kill(trains, signal.SIGSTOP)
    sweeps.append(server.start(tmp_path, "train", "-m", *command))
    assert sweeps[1].stdout is not None
    said = [sweeps[1].stdout.readline()]
    while "trained by process" not in said[-1]:
        assert said[-1], sweeps[1].communicate()
        said.append(sweeps[1].stdout.readline())
    os.kill(trains, signal.SIGCONT)
    ended = [(sweep.communicate(timeout=900), sweep.returncode) for sweep in sweeps]
    assert [code for _, code in ended] == [0, 0], ended
    outcomes = [re.search(r"^\d+ (\w+)$", out, re.M)[1] for (out, _), _ in ended]  # pyright: ignore[reportOptionalSubscript]
    assert outcomes == ["done", "skipped"]
    assert (run / "train.log").read_text().count("lightweight_ssd train") == 1


def test_ddp_in_a_sweep_gets_its_true_world_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full epochs, one folder, the world size that was asked for, and the same batch over all devices."""
    monkeypatch.setenv("MASTER_PORT", str(port_of_our_own()))
    code, out, err = _sweep(
        tmp_path, *QUICK, "trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=1,2", "trainer.max_epochs=1"
    )
    assert code == 0 and "2 done" in out, out + err
    training = [json.loads((run / "results.json").read_text())["training"] for run in _runs(tmp_path)]
    assert sorted(each["world_size"] for each in training) == [1, 2]
    assert [each["steps"] for each in training] == [6, 6]
    _assert_one_and_two_processes_measure_the_same(tmp_path, _runs(tmp_path)[0] / "checkpoints" / "best.ckpt")


def _assert_one_and_two_processes_measure_the_same(cwd: Path, checkpoint: Path) -> None:
    """As a sweep: seven test images, so that the second process gets one less."""
    ways = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=1,2"]
    command = [sys.executable, "-m", "lightweight_ssd", "evaluate", "-m", f"checkpoint={checkpoint}", "output=e", *ways]
    done = subprocess.run(command, cwd=cwd, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    one, two = sorted(cwd.glob("e-*"))
    assert (
        json.loads((one / "results.json").read_text())["test"] == json.loads((two / "results.json").read_text())["test"]
    )
    assert (one / "detections.json").read_bytes() == (two / "detections.json").read_bytes()


def test_a_folder_for_all_jobs_is_refused(server: RunServer, tmp_path: Path) -> None:
    code, out, _ = server.run(tmp_path, "train", "-m", *QUICK, "seed=0,1", f"run_dir={tmp_path / 'one'}")
    assert code == 1 and "leave it out" in out and "2 failed" in out


def test_a_misspelled_key_stops_the_sweep_before_it_begins(server: RunServer, tmp_path: Path) -> None:
    code, out, err = server.run(tmp_path, "train", "-m", *QUICK, "neck.circels=1,2")
    assert code == 1 and "circels" in err and "Traceback" not in out + err
    assert not (tmp_path / "runs" / "smoke").exists()


def test_an_objective_that_the_jobs_will_not_have_stops_the_sweep_before_it_begins(
    server: RunServer, tmp_path: Path
) -> None:
    without = ("objective=val/coco_ap", "coco_metric=null")
    code, out, err = server.run(tmp_path, "train", "-m", *QUICK, "seed=0,1", *without)
    assert code == 1 and err.startswith("lssd train: the sweep cannot begin: Expected coco_metric for objective=")
    assert "Traceback" not in out + err and not list(tmp_path.iterdir())


def test_an_objective_that_one_job_will_not_have_fails_before_it_trains(server: RunServer, tmp_path: Path) -> None:
    code, out, _ = server.run(tmp_path, "train", "-m", *QUICK, "objective=val/map50,val/loss")
    assert code == 1 and "2 failed" in out and out.count("as a metric that a job returns but got val/") >= 2
    assert not (tmp_path / "runs" / "smoke").exists()


def test_a_place_that_cannot_be_written_stops_the_sweep(server: RunServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, out, err = server.run(tmp_path, "train", "-m", *QUICK, f"runs={tmp_path / 'file'}")
    assert (
        code == 1
        and "the sweep cannot begin: Expected a folder to write in for runs=" in err
        and "Not a directory" in err
        and "Traceback" not in out + err
    )


def test_names_of_folders_may_hold_what_hydra_reads(tmp_path: Path) -> None:
    cwd = tmp_path / "it's a=b, [c]"
    cwd.mkdir()
    code, out, err = _sweep(cwd, *QUICK, "trainer.max_epochs=1")
    assert code == 0 and "1 done" in out, out + err
    assert len(_runs(cwd)) == 1


def test_progress_line_names_the_job_and_what_is_left() -> None:
    job = JobRecord(1, ["neck=fpn"], "running")
    status = {"state": "running", "step": 30, "total_steps": 120, "map_50": 0.456, "seconds_left": 3700}
    line = progress_line(job, "neck=fpn", 4, status)
    assert line == "[2/4] neck=fpn:  25 % (step 30 of 120), mAP50 45.6, 1 h 01 min left"
    assert progress_line(job, "neck=fpn", 0, {}) == "[2/?] neck=fpn: starting"


def test_table_counts_what_never_began() -> None:
    planned = [["seed=0"], ["seed=1"], ["seed=2"]]
    table = sweep_table([JobRecord(0, ["seed=0"], "done", map_50=0.5, seconds=61.0)], planned)
    assert re.search(r"seed=0 +done +50\.0 +1:01", table) and table.endswith("1 done, 2 not begun")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_finished_run_is_not_taken_for_one_on_other_data(server: RunServer, tmp_path: Path) -> None:
    """It also ends before its first validation, which only a search would miss."""
    small = {"image_size": 96, "train_images": 8, "val_images": 2, "test_images": 2}
    drawn = [Shapes(root=str(tmp_path / "drawn"), seed=seed, **small) for seed in (0, 1)]
    for each in drawn:
        each.draw()
    shutil.copytree(drawn[0].devkit, tmp_path / "copy")
    years = ("data.train.2007=train", "data.train.2012=null", "data.val.2007=val", "data.test.2007=test")
    names = f"data.class_names=[{','.join(drawn[0].class_names)}]"
    command = (*QUICK, "data=voc", *years, names, f"data.cache_dir={tmp_path / 'cache'}", "trainer.max_steps=1")
    for root, ends in ((drawn[0].devkit, "1 done"), (tmp_path / "copy", "1 skipped"), (drawn[1].devkit, "1 failed")):
        code, out, err = server.run(tmp_path, "train", "-m", *command, f"data.root={root}")
        assert code == (ends == "1 failed") and ends in out, out + err
    assert "why: ValueError: Expected the data of the finished run, but data.root holds other annotations: give" in out
