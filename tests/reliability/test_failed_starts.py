"""A start that fails before the first step leaves no run; one that fails later leaves all that is known of it."""

import json
import re
import signal
import time
from pathlib import Path

import pytest
from tests.run_server import RunServer

pytestmark = pytest.mark.slow

QUICK = ("experiment=smoke", "logger=csv", "pictures=0", "gray_test=false", "latency=null", "trainer.max_epochs=1")
FAILS_AT_ONCE = {
    "no data": ("data=voc", "data.root=nowhere"),
    "no such device": ("trainer.accelerator=nonsense",),
    "no such checkpoint": ("resume=missing.ckpt",),
    "no weights": ("init_from=missing.ckpt",),
    "no such class": ("data.class_names=[unicorn]",),
}


@pytest.mark.parametrize("case", FAILS_AT_ONCE)
def test_a_failed_start_leaves_no_folder(server: RunServer, tmp_path: Path, case: str) -> None:
    ended = server.run(tmp_path, "train", *QUICK, *FAILS_AT_ONCE[case])
    assert ended.code == 1 and "Traceback" not in ended.err, ended.err
    assert not (tmp_path / "runs").exists(), list((tmp_path / "runs").rglob("*"))


def test_a_folder_that_was_there_before_stays(server: RunServer, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("important")
    ended = server.run(tmp_path, "train", *QUICK, "run_dir=mine", "trainer.accelerator=nonsense")
    assert ended.code == 1 and (tmp_path / "mine" / "notes.txt").read_text() == "important"
    assert json.loads((tmp_path / "mine" / "status.json").read_text())["state"] == "failed"


def test_a_failure_while_training_leaves_folder_and_status(server: RunServer, tmp_path: Path) -> None:
    ended = server.run(tmp_path, "train", *QUICK, "optim=sgd", "optim.lr=1e30")
    assert ended.code == 1 and "not finite" in ended.err
    (run,) = (tmp_path / "runs" / "smoke").iterdir()
    assert json.loads((run / "status.json").read_text())["state"] == "failed"
    assert "traceback" not in ended.err and not (run / "lssd-error.log").exists(), "the sentence says all"


def test_a_job_that_never_trained_keeps_its_log_with_the_sweep(server: RunServer, tmp_path: Path) -> None:
    ended = server.run(tmp_path, "train", "-m", *QUICK, "trainer.accelerator=nonsense,cpu")
    assert ended.code == 1 and "1 done, 1 failed" in ended.out, ended.out + ended.err
    (run,) = (tmp_path / "runs" / "smoke").iterdir()
    assert (run / "train.log").is_file()
    found = re.search(r"why: (.*)\n +log: (.*)", ended.out)
    assert found is not None and "nonsense" in found[1]
    log = Path(found[2])
    assert log.is_relative_to(tmp_path / "runs" / "sweeps") and "nonsense" in log.read_text()


def test_a_finished_run_stays_finished_where_an_attempt_to_train_on_fails(server: RunServer, tmp_path: Path) -> None:
    assert server.run(tmp_path, "train", *QUICK).code == 0
    (run,) = (tmp_path / "runs" / "smoke").iterdir()
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    further = (f"resume={run / 'checkpoints' / 'last.ckpt'}", "trainer.max_epochs=2")
    for wrong in ("trainer.accelerator=nonsense", "neck=fpn"):
        assert server.run(tmp_path, "train", *QUICK, *further, wrong).code == 1
        assert {path.name: path.read_bytes() for path in run.iterdir() if path.name in before} == before
    assert server.run(tmp_path, "train", *QUICK, *further).code == 0
    assert json.loads((run / "results.json").read_text())["training"]["epochs"] == 2


def test_ctrl_c_before_the_first_step_leaves_no_folder(server: RunServer, tmp_path: Path) -> None:
    process = server.start(tmp_path, "train", *QUICK, "data=shapes", "data.train_images=3000")  # takes long to draw
    end = time.monotonic() + 300
    while not list(tmp_path.glob("runs/smoke/*")):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130 and "first step" in err, err
    assert not (tmp_path / "runs").exists()
