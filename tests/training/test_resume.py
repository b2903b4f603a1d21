"""A checkpoint of another run is refused in one sentence that says what differs."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.running import smoke_config

from lightweight_ssd.config.settings import resolved
from lightweight_ssd.training.resume import check_same_classes, check_same_run


def _config(tmp_path: Path, *overrides: str) -> dict[str, Any]:
    return resolved(smoke_config(tmp_path, *overrides))


def _checkpoint(tmp_path: Path, *overrides: str) -> Path:
    path = tmp_path / "last.ckpt"
    torch.save({"hyper_parameters": {"config": _config(tmp_path, *overrides), "class_names": ["cat", "dog"]}}, path)
    return path


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("neck=fpn", "neck=FPN (now CFPN):"),
        ("backbone=mobilenet_v2", "backbone=MobileNetV2 (now MBlitenet):"),
        ("neck.width=64", "neck.width=64 (now 16):"),
        ("seed=7", "seed=7 (now 0):"),
        ("batch_size=2", "batch_size=2 (now 4):"),
        ("loss=ciou", "loss=CIoU (now BLL):"),
        ("data.class_names=[star]", "data.class_names=['star'] (now ['circle', "),
    ],
)
def test_what_differs_is_named_once(tmp_path: Path, override: str, said: str) -> None:
    path = _checkpoint(tmp_path, override)
    with pytest.raises(ValueError, match="Expected a checkpoint of the same run") as caught:
        check_same_run(_config(tmp_path), path)
    sentence = str(caught.value)
    assert f"{path} was trained with {said}" in sentence and "\n" not in sentence
    assert f"init_from={path}" in sentence


def test_of_many_differences_three_are_named(tmp_path: Path) -> None:
    path = _checkpoint(tmp_path, "neck=fpn", "seed=7", "batch_size=2", "image_size=96", "optim.lr=0.5")
    with pytest.raises(ValueError, match=r"with neck=FPN .*, and \d more: give the same settings"):
        check_same_run(_config(tmp_path), path)


@pytest.mark.parametrize(
    "override",
    [
        "trainer.max_epochs=9", "callbacks.early_stopping.patience=3", "trainer.devices=2", "num_workers=1",
        "logger=csv", "experiment_name=other", "init_from=weights.pt", "data.root=elsewhere", "run_dir=elsewhere",
    ],
)  # fmt: skip
def test_a_run_may_go_on_for_longer_elsewhere_and_otherwise_logged(tmp_path: Path, override: str) -> None:
    check_same_run(_config(tmp_path, override), _checkpoint(tmp_path))


def test_settings_that_an_older_version_did_not_have_are_passed_over(tmp_path: Path) -> None:
    config = _config(tmp_path)
    del config["deterministic"], config["neck"]["circles"], config["detector"]["neck"]["circles"]
    path = tmp_path / "last.ckpt"
    torch.save({"hyper_parameters": {"config": config, "class_names": ["cat"]}}, path)
    check_same_run(_config(tmp_path), path)


def test_other_classes_are_named(tmp_path: Path) -> None:
    path = _checkpoint(tmp_path)
    check_same_classes(["cat", "dog"], path)
    with pytest.raises(ValueError, match=r"was trained with classes cat, dog \(now cat, cow\): give the same settings"):
        check_same_classes(["cat", "cow"], path)
