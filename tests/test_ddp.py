"""Two real processes (gloo): one run folder, and the metrics of one process."""

import json
from pathlib import Path

import pytest
import torch

from tests.command_line import port_of_our_own
from tests.run_server import RunServer

pytestmark = pytest.mark.slow


def _lssd(server: RunServer, cwd: Path, *arguments: str) -> str:
    """The first rank is a fork of the server; it starts the other one as always."""
    done = server.run(cwd, *arguments, MASTER_PORT=str(port_of_our_own()))
    assert done.code == 0, done.err
    return done.out


@pytest.fixture(scope="module")
def ddp(server: RunServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two processes: 24 training images, seven of validation and of test, so that the last round is padded."""
    folder = tmp_path_factory.mktemp("ddp")
    _lssd(
        server, folder, "train", "experiment=smoke", "trainer=ddp", "trainer.accelerator=cpu",
        "trainer.sync_batchnorm=false", "callbacks.ema.decay=0.9",
    )  # fmt: skip
    return folder


def test_one_run_folder_and_one_config(ddp: Path) -> None:
    (run,) = (ddp / "runs" / "smoke").iterdir()
    assert sorted(path.name for path in ddp.iterdir()) == ["data", "runs"]
    assert len(list(run.rglob("config.yaml"))) == 1
    assert len(list((run / "wandb").glob("offline-run-*"))) == 1
    assert json.loads((run / "status.json").read_text())["state"] == "finished"


def test_every_image_of_an_epoch_is_used_once_and_the_batch_is_the_whole_one(ddp: Path) -> None:
    (run,) = (ddp / "runs" / "smoke").iterdir()
    training = json.loads((run / "results.json").read_text())["training"]
    assert training["world_size"] == 2 and training["total_batch"] == 4 and training["steps"] == 12


def test_odd_sized_set_gives_the_same_figures_on_one_process_and_on_two(server: RunServer, ddp: Path) -> None:
    (run,) = (ddp / "runs" / "smoke").iterdir()
    checkpoint = f"checkpoint={run / 'checkpoints' / 'best.ckpt'}"
    _lssd(server, ddp, "evaluate", checkpoint, "trainer=cpu", f"output={ddp / 'one'}")
    one = json.loads((ddp / "one" / "results.json").read_text())["test"]
    two = json.loads((run / "results.json").read_text())["test"]
    assert one == two
    detections = [json.loads((folder / "detections.json").read_text()) for folder in (ddp / "one", run)]
    assert detections[0] == detections[1]


def test_checkpoint_loads_safely_and_holds_its_average(ddp: Path) -> None:
    (run,) = (ddp / "runs" / "smoke").iterdir()
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert checkpoint["state_dict"].keys() == checkpoint["ema_state_dict"].keys()
    assert checkpoint["hyper_parameters"]["config"]["experiment_name"] == "smoke"
