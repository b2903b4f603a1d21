"""Sweeps under the launchers that a user only names: real jobs under each, and the script that SLURM would get."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

from lightweight_ssd.sweeps.child import child_environment

SMALL = ("experiment=smoke", "trainer.max_epochs=1", "logger=csv", "pictures=0", "gray_test=false", "latency=null")


def _start(cwd: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """Starts a sweep of small jobs whose data are shared by all tests of this file."""
    command = [sys.executable, "-m", "lightweight_ssd", "train", "-m", *SMALL, f"data.root={cwd.parent / 'data'}"]
    return subprocess.Popen(
        [*command, *arguments], cwd=cwd, env={**os.environ, "OMP_NUM_THREADS": "1", **environment}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _sweep(cwd: Path, *arguments: str, code: int = 0, **environment: str) -> tuple[str, str]:
    process = _start(cwd, *arguments, **environment)
    out, err = process.communicate(timeout=900)
    assert process.returncode == code, out + err
    return out, err


def _runs(cwd: Path) -> list[Path]:
    return sorted(path.parent for path in (cwd / "runs" / "smoke").glob("*/identity.json"))


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def _wait_for_training(cwd: Path, count: int, sweep: "subprocess.Popen[str]") -> list[int]:
    """Waits until as many runs train at once; returns their processes."""
    end = time.monotonic() + 300
    while True:
        found = [_read(path) for path in (cwd / "runs" / "smoke").glob("*/status.json")]
        training = [status["pid"] for status in found if status["state"] == "running"]
        if len(training) >= count:
            return training
        assert sweep.poll() is None, sweep.communicate()
        assert time.monotonic() < end, "so many runs never trained at once"
        time.sleep(0.05)


def _check_done(cwd: Path, out: str) -> None:
    """Two jobs are done, each in a folder of its own with its own result, and the table says so once."""
    assert out.count("outcome") == 1 and "2 done" in out
    assert [_read(run / "identity.json")["seed"] for run in _runs(cwd)] == [0, 1]
    for run in _runs(cwd):
        assert _read(run / "status.json")["state"] == "finished"
        assert "map_50" in _read(run / "results.json")["test"]
        assert "Error" not in (run / "train.log").read_text()


def _hidden_plugins(folder: Path) -> str:
    """A PYTHONPATH on which no plugin of Hydra is found, as where no extra is installed."""
    (folder / "hydra_plugins").mkdir()
    (folder / "hydra_plugins" / "__init__.py").touch()
    return os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


@pytest.mark.slow
def test_joblib_runs_jobs_side_by_side_and_then_skips_them(tmp_path: Path) -> None:
    """One run stands still until the other trains, too, which never happened if one had to wait for the other."""
    jobs = ("hydra/launcher=joblib", "trainer.max_epochs=10", "seed=0,1")
    process = _start(tmp_path, *jobs)
    (first, *_) = _wait_for_training(tmp_path, 1, process)
    os.kill(first, signal.SIGSTOP)
    _wait_for_training(tmp_path, 2, process)
    os.kill(first, signal.SIGCONT)
    out, err = process.communicate(timeout=900)
    assert process.returncode == 0, out + err
    _check_done(tmp_path, out)
    assert not err, "neither Hydra nor its workers warn of anything"
    out, _ = _sweep(tmp_path, *jobs)
    assert "2 skipped" in out and len(_runs(tmp_path)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_what_a_killed_sweep_started_ends_with_it(tmp_path: Path, launcher: str) -> None:
    """The run stops with a checkpoint. A third job of joblib's two workers waits, and never begins."""
    seeds = "seed=0,1,2" if launcher == "joblib" else "seed=0,1"
    process = _start(tmp_path, f"hydra/launcher={launcher}", "trainer.max_epochs=4000", seeds)
    _wait_until(lambda: bool(list(tmp_path.glob("runs/smoke/*/checkpoints/last.ckpt"))))
    process.kill()
    process.communicate(timeout=60)
    _wait_until(lambda: not _processes("run_dir=", str(tmp_path)))
    _wait_until(lambda: not _processes("submitit.core", str(tmp_path)))
    found = {path.parent: _read(path)["state"] for path in (tmp_path / "runs" / "smoke").glob("*/status.json")}
    assert set(found.values()) == {"interrupted"} and not any("seed2" in run.name for run in found), found
    assert any((run / "checkpoints" / "last.ckpt").is_file() for run in found)


def _wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end, _processes("lightweight_ssd")
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_evaluations_that_fail_are_named_and_in_the_exit_code(tmp_path: Path, launcher: str) -> None:
    arguments = ["checkpoint=one.ckpt,two.ckpt", "trainer=cpu", f"hydra/launcher={launcher}"]
    command = [sys.executable, "-m", "lightweight_ssd", "evaluate", "-m", *arguments]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=400)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert ended.stderr.splitlines()[-1] == (
        "lssd evaluate: 2 of the evaluations failed: checkpoint=one.ckpt trainer=cpu; checkpoint=two.ckpt trainer=cpu"
    )


def test_evaluations_that_cannot_keep_their_records_do_not_look_well(tmp_path: Path) -> None:
    (tmp_path / "multirun").write_text("no folder")
    command = [sys.executable, "-m", "lightweight_ssd", "evaluate", "-m", "checkpoint=one.ckpt,two.ckpt", "trainer=cpu"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=400)
    assert ended.returncode == 1, ended.stdout + ended.stderr


@pytest.mark.slow
def test_failing_job_leaves_the_other_one_alone(tmp_path: Path) -> None:
    out, _ = _sweep(tmp_path, "hydra/launcher=joblib", "trainer.accelerator=nonsense,cpu", code=1)
    assert "1 done, 1 failed" in out and out.count("outcome") == 1
    (why,) = [line for line in out.splitlines() if line.startswith("      why:")]
    assert "nonsense" in why
    (log,) = [line.split()[-1] for line in out.splitlines() if line.startswith("      log:")]
    assert "nonsense" in Path(log).read_text()


@pytest.mark.slow
def test_ray_gives_each_job_its_own_gpu(tmp_path: Path) -> None:
    """Ray takes our word for two GPUs here; the runs compute on the CPU and note which GPU they were given."""
    pool = ("+hydra.launcher.ray.init.num_gpus=2", "+hydra.launcher.ray.init.num_cpus=2")
    each = ("hydra.launcher.ray.remote.num_gpus=1", "row.label=${oc.env:CUDA_VISIBLE_DEVICES,none}")
    out, _ = _sweep(tmp_path, "hydra/launcher=ray", *pool, *each, "seed=0,1", CUDA_VISIBLE_DEVICES="0,1")
    _check_done(tmp_path, out)
    assert {_read(run / "identity.json")["label"] for run in _runs(tmp_path)} == {"0", "1"}


@pytest.mark.slow
def test_ray_never_waits_for_what_the_machine_does_not_have(tmp_path: Path) -> None:
    _, err = _sweep(tmp_path, "hydra/launcher=ray", "hydra.launcher.ray.remote.num_gpus=99", code=1)
    assert err.startswith("lssd train: hydra.launcher.ray.remote.num_gpus=99 is more than the ")
    assert len(err.splitlines()) == 1


@pytest.mark.slow
def test_submitit_runs_each_job_in_a_process_of_its_own(tmp_path: Path) -> None:
    out, _ = _sweep(tmp_path, "hydra/launcher=submitit_local", "seed=0,1")
    _check_done(tmp_path, out)
    (sweep,) = (tmp_path / "runs" / "sweeps").iterdir()
    logs = [path.read_text() for path in sweep.glob("submitit/*/*_log.out")]
    assert len(logs) == 2 and all("Job completed successfully" in log for log in logs)


@pytest.mark.slow
def test_job_whose_time_is_up_goes_on_in_its_folder(tmp_path: Path) -> None:
    """SLURM signals all processes of a job; submitit's local executor queues it again as its SLURM one does."""
    process = _start(tmp_path, "hydra/launcher=submitit_local", "seed=0", "trainer.max_epochs=40")
    while not list(tmp_path.glob("runs/smoke/*/checkpoints/last.ckpt")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    for pid in _processes("submitit.core._submit", str(tmp_path)) + _processes("run_dir=", str(tmp_path)):
        with suppress(ProcessLookupError):  # a worker of the data may end at any moment
            os.kill(pid, signal.SIGUSR2)
    out, err = process.communicate(timeout=900)
    assert process.returncode == 0, out + err
    assert "1 done" in out
    (run,) = _runs(tmp_path)
    assert _read(run / "results.json")["training"]["epochs"] == 40
    log = (run / "train.log").read_text()
    assert "Interrupted." in log and "last.ckpt" in log, "it wrote a checkpoint, and the second part went on from it"


def _processes(*words: str) -> list[int]:
    """Processes whose command line has all these words."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended meanwhile
            continue
        if all(word in command for word in words):
            found.append(int(path.parent.name))
    return found


@pytest.mark.slow
def test_slurm_gets_one_task_per_job_with_gpus_and_a_signal(tmp_path: Path) -> None:
    """The script that reaches `sbatch`: a command here that keeps it and refuses."""
    for name, line in (("srun", ""), ("sbatch", f'cp "$1" {tmp_path}/script; exit 1')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    arguments = ("hydra/launcher=submitit_slurm", "hydra.launcher.gpus_per_node=2", "hydra.launcher.partition=gpu")
    _sweep(tmp_path, *arguments, "seed=0,1", code=1, PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    lines = (tmp_path / "script").read_text().splitlines()
    asked = {line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH")}
    assert {"ntasks-per-node=1", "nodes=1", "gpus-per-node=2", "cpus-per-task=8", "time=1440"} <= asked
    assert {"signal=USR2@120", "requeue", "open-mode=append", "array=0-1%2", "partition=gpu"} <= asked
    assert not [each for each in asked if each.startswith(("error", "mem", "qos", "account"))]
    srun = next(place for place, line in enumerate(lines) if line.startswith("srun"))
    assert "--error" not in lines[srun] and "submitit.core._submit" in lines[srun]
    assert any("export SRUN_CPUS_PER_TASK=" in line for line in lines[:srun]), "else srun gives the job one core"


def test_run_in_a_single_task_of_slurm_starts_its_own_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    task = {"NTASKS": "1", "NTASKS_PER_NODE": "1", "PROCID": "0", "LOCALID": "0", "NODEID": "0", "JOB_NAME": "lssd"}
    for name, value in task.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert SLURMEnvironment.detect(), "Lightning would take the task for a rank"
    kept = child_environment(dict(os.environ), pipe=3)
    for name in set(os.environ) - set(kept):
        monkeypatch.delenv(name)
    assert not SLURMEnvironment.detect()
    assert os.environ["SLURM_JOB_NAME"] == "lssd"


def test_ranks_that_slurm_starts_are_left_to_lightning() -> None:
    task = {"SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "4", "SLURM_PROCID": "2", "SLURM_LOCALID": "2"}
    assert task.items() <= child_environment(task, pipe=3).items()


@pytest.mark.parametrize(
    ("launcher", "extra"), [("joblib", "joblib"), ("ray", "ray"), ("submitit_slurm", "slurm")]
)  # fmt: skip
def test_missing_package_is_one_sentence(launcher: str, extra: str, tmp_path: Path) -> None:
    _, err = _sweep(tmp_path, f"hydra/launcher={launcher}", code=1, PYTHONPATH=_hidden_plugins(tmp_path))
    assert err == (
        f"lssd train: hydra/launcher={launcher} needs a package that is not installed; "
        f"run pip install 'lightweight-ssd[{extra}]'.\n"
    )
    assert not (tmp_path / "runs").exists()
