"""A checkpoint or a file of weights from anywhere: what it holds besides weights is refused in one sentence.

What its configuration may build is tested in `tests/checkpoint/test_targets.py`.
"""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.command_line import tiny_checkpoint
from torch import nn

from lightweight_ssd.checkpoint.init_from import initialise
from lightweight_ssd.checkpoint.load import load_checkpoint, load_detector
from lightweight_ssd.layers.timm_model import create_timm_model
from lightweight_ssd.training.evaluation import _source


def changed(path: Path, **parts: Any) -> Path:
    """A checkpoint of a tiny detector with some of its parts replaced; None takes one out."""
    tiny_checkpoint(path)
    saved = {**torch.load(path, weights_only=True), **parts}
    torch.save({name: part for name, part in saved.items() if part is not None}, path)
    return path


@pytest.mark.parametrize("place", ["best_model_path", "last_model_path", "best_k_models"])
def test_files_outside_its_folder_are_not_gone_on_with(place: str, tmp_path: Path) -> None:
    there = "/runs/a/checkpoints/../../../kept.txt"
    state = {place: {there: 0.5} if place == "best_k_models" else there}
    path = changed(tmp_path / "a.ckpt", callbacks={"ModelCheckpoint{'monitor': 'val/map_50'}": state})
    with pytest.raises(ValueError, match=r"a\.ckpt remembers the file .*kept\.txt.*do not trust this file\.$"):
        load_checkpoint(path)


def test_what_training_itself_remembers_is_taken(tmp_path: Path) -> None:
    state = {"best_model_path": "/runs/a..b/checkpoints/best.ckpt", "current_score": torch.zeros(1), "kth_value": None}
    assert load_checkpoint(changed(tmp_path / "a.ckpt", callbacks={"ModelCheckpoint": state}))["callbacks"]


@pytest.mark.parametrize("parameters", [[], {}, {"config": []}, "text", None])
def test_without_a_configuration_it_is_none(parameters: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no configuration; give a checkpoint"):
        load_checkpoint(changed(tmp_path / "a.ckpt", hyper_parameters=parameters))


@pytest.mark.parametrize("weights", [None, [1], {"detector.a": torch.zeros(1)}, {"detector.a": "text"}, {1: 2}])
def test_other_weights_are_one_sentence(weights: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^\S+a\.ckpt does not hold the weights of the detector .*give another\.$"):
        load_detector(changed(tmp_path / "a.ckpt", state_dict=weights))


@pytest.mark.parametrize(
    "content", [[], torch.zeros(2), 3, {}, {1: torch.zeros(1)}, {"state_dict": [1]}, {"a": "b"}, os.getcwd]
)
def test_a_file_without_weights_starts_nothing(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"^init_from=\S+a\.pt (holds no tensor|is not a file of weights).*; give "):
        initialise(nn.Linear(2, 2), str(tmp_path / "a.pt"))


@pytest.mark.parametrize("content", [[1], {"a": {1}}, {"a": "text"}, os.getcwd])
def test_weights_of_timm_are_tensors(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"backbone\.weights=\S+a\.pth"):
        create_timm_model("resnet10t", str(tmp_path / "a.pth"), 0.1, 1e-5)


def test_it_does_not_say_where_to_write(tmp_path: Path) -> None:
    splits = {name: {"2007": "train"} for name in ("train", "val", "test")}
    node = {"_target_": "lightweight_ssd.data.voc.VOC", "root": "data", "class_names": ["cat"], **splits}
    config = {"data": {**node, "cache_dir": str(tmp_path / "elsewhere")}}
    given = str(tmp_path / "mine")
    assert str(tmp_path) not in str(_source(Path("a.ckpt"), config, {}, ("cat",)).cache_dir)
    assert str(_source(Path("a.ckpt"), config, {"cache_dir": given}, ("cat",)).cache_dir) == given
