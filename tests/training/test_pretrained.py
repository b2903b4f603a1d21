"""What a run from trained weights keeps: where they are from, and how images are normalized, without their file."""

import json
from pathlib import Path

import pytest
import timm
import torch
import yaml
from tests.running import smoke_config, smoke_run

from lightweight_ssd.checkpoint.load import NETWORK_KEY, load_checkpoint, load_trained
from lightweight_ssd.training.stages import prepare

SETTINGS = [
    "backbone=timm", "backbone.model=test_resnet", "backbone.level_strides=[8,16]", "backbone.extra=[]",
    "neck=fpn", "neck.width=16", "trainer.max_epochs=1", "trainer.limit_train_batches=2", "gray_test=false",
    "latency=null", "pictures=0",
    "~backbone.stem", "~backbone.rows", "~backbone.last_channels", "~backbone.extra_channels",
]  # fmt: skip


def _weights(path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(timm.create_model("test_resnet", pretrained=False).state_dict(), path)
    return path


@pytest.mark.slow
def test_a_checkpoint_needs_no_file_of_weights(tmp_path: Path) -> None:
    weights = _weights(tmp_path / "w.pth")
    asked = [*SETTINGS, f"backbone.weights={weights}"]
    smoke_run(tmp_path, *asked)
    run = tmp_path / "run"
    noted = json.loads((run / "weights.json").read_text())
    assert noted["source"] == str(weights) and noted["mean"] == [127.5] * 3 and len(noted["sha256"]) == 64
    weights.unlink()

    trained = load_trained(run / "checkpoints" / "last.ckpt")
    assert trained.detector.mean.flatten().tolist() == [127.5] * 3
    assert trained.detector.std.flatten().tolist() == [127.5] * 3
    assert {norm.eps for norm in trained.detector.backbone.modules() if isinstance(norm, torch.nn.BatchNorm2d)} == {
        1e-5
    }
    assert yaml.safe_load((run / "config.yaml").read_text())["detector"]["mean"] is None  # as it was asked for

    checkpoint = run / "checkpoints" / "last.ckpt"
    resumed = prepare(_plain(tmp_path, *asked), checkpoint)
    assert resumed.detector.mean.flatten().tolist() == [127.5] * 3
    started = prepare(_plain(tmp_path, *SETTINGS, f"init_from={run}"))
    assert started.detector.mean.flatten().tolist() == [127.5] * 3


def _plain(tmp_path: Path, *overrides: str) -> dict[str, object]:
    from lightweight_ssd.config.settings import resolved

    return resolved(smoke_config(tmp_path, *overrides))


@pytest.mark.slow
def test_a_node_in_place_of_a_mean_is_not_built(tmp_path: Path) -> None:
    smoke_run(tmp_path, *SETTINGS)
    path = tmp_path / "run" / "checkpoints" / "last.ckpt"
    checkpoint = load_checkpoint(path)
    checkpoint["hyper_parameters"][NETWORK_KEY]["mean"] = [{"_target_": "os.getcwd"}] * 3
    torch.save(checkpoint, path)
    with pytest.raises(ValueError, match=r"Expected numbers in the checkpoint's network .* do not trust this file"):
        load_trained(path)
