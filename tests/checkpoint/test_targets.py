"""A checkpoint from anywhere runs nothing but the constructors of our own parts, wherever one is read.

`os.getcwd`, reached through the imports of one of our modules, stands for whatever somebody might put into a file.
"""

import os
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.command_line import run_command, tiny_checkpoint, tiny_config
from tests.running import smoke_config, smoke_run
from torch import nn

from lightweight_ssd.checkpoint.init_from import initialise
from lightweight_ssd.checkpoint.load import load_checkpoint, load_detector
from lightweight_ssd.checkpoint.targets import PARTS, check_targets
from lightweight_ssd.training.batch_size import choose_batch

THROUGH_OURS = "lightweight_ssd.augment.pipeline.os.getcwd"
OPTIONS = {
    "data": {"_target_": "lightweight_ssd.data.shapes.Shapes"},
    "criterion": {
        "_target_": "lightweight_ssd.criterion.ssd.SSDCriterion",
        "classification": {"_target_": "lightweight_ssd.classification.focal.FocalLoss"},
        "localization": {"_target_": "lightweight_ssd.loss.bll.BLL"},
        "matcher": {"_target_": "lightweight_ssd.matching.iou.IoUMatcher"},
        "coder": {"_target_": "lightweight_ssd.coding.variance.VarianceCoder"},
    },
    "datamodule": {"resize": {"_target_": "lightweight_ssd.augment.pipeline.Pipeline", "image_size": 64, "steps": {}}},
}
REFUSED = r"do not trust this file\.$"


@pytest.fixture
def called_by_hydra(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Stays empty: callers of `os.getcwd` in Hydra's instantiation."""
    callers, getcwd = [], os.getcwd

    def spy(*args: Any, **kwargs: Any) -> str:
        frame = sys._getframe(1)
        if "_instantiate2" in frame.f_code.co_filename:
            callers.append(frame.f_code.co_name)
        return getcwd()

    monkeypatch.setattr(os, "getcwd", spy)
    yield callers
    assert callers == []


@pytest.fixture
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def doctored(path: Path, key: str, value: Any) -> Path:
    """A checkpoint of a tiny detector with one value of its configuration replaced, by its dotted key."""
    tiny_checkpoint(path)
    saved = torch.load(path, weights_only=True)
    config = saved["hyper_parameters"]["config"]
    config |= {**deepcopy(OPTIONS), "batch_size": 4}
    config["datamodule"]["first_images"] = None
    *parents, last = key.split(".")
    node = config
    for parent in parents:
        node = node[parent]
    node[last] = value
    torch.save(saved, path)
    return path


def test_the_options_of_this_package_pass() -> None:
    config = {**tiny_config(), **OPTIONS}
    for part in PARTS:
        check_targets(config, part, "a.ckpt")


@pytest.mark.parametrize(
    "target",
    [
        THROUGH_OURS,
        "os.getcwd",
        "lightweight_ssd.backbone.timm.create_timm_model",  # a function
        "lightweight_ssd.backbone.timm.ExtraLayers",  # imported there
        "lightweight_ssd.backbone.timm.TimmBackbone.forward",  # an attribute of a class
        "lightweight_ssd.backbone.nowhere.Nothing",
        "lightweight_ssd.backbone.timm.Nothing",
        "lightweight_ssd.training.datamodule.DetectionDataModule",  # of another package
        "lightweight_ssd.data.images.cache.ImageCache",
        "lightweight_ssd.backbone.TimmBackbone",
        "hydra.utils.get_method",
        "hydra.utils.instantiate",
        "lightweight_ssd.config.instantiate.build",
        " lightweight_ssd.neck.fpn.FPN",
        "lightweight_ssd.neck.fpn.FPN\n",
        7,
        None,
        ["lightweight_ssd.neck.fpn.FPN"],
    ],
)
@pytest.mark.parametrize("part", PARTS)
def test_no_part_may_ask_for_anything_else(part: str, target: Any) -> None:
    node: Any = {"_target_": target}
    for key in reversed(part.split(".")):
        node = {key: node}
    with pytest.raises(ValueError, match=REFUSED):
        check_targets(node, part, "a.ckpt")


@pytest.mark.parametrize(
    "inside",
    [
        {"_target_": THROUGH_OURS},
        [{"deeper": ({"_target_": THROUGH_OURS},)}],
        {"_partial_": "yes"},
        {"_args_": []},
        {"_recursive_": False},
        {"_convert_": "none"},
        {"_mode_": "x"},
        '${oc.create:"{_target_: os.getcwd}"}',
        "${oc.env:HOME}",
        {"${oc.env:HOME}": 1},
    ],
)
def test_nothing_inside_may_either(inside: Any) -> None:
    config = {"detector": {"_target_": "lightweight_ssd.detector.ssd.Detector", "neck": inside}}
    with pytest.raises(ValueError, match=REFUSED):
        check_targets(config, "detector", "a.ckpt")


@pytest.mark.parametrize("config", [{}, {"datamodule": {}}, {"datamodule": {"resize": {}}}, {"datamodule": []}])
def test_a_part_that_is_not_there_is_named(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^a\.ckpt has no datamodule\.resize"):
        check_targets(config, "datamodule.resize", "a.ckpt")


@pytest.mark.parametrize("key", ["", ".backbone", ".neck", ".head", ".anchors", ".coder"])
@pytest.mark.parametrize("command", ["load", "predict", "profile", "evaluate"])
@pytest.mark.usefixtures("called_by_hydra", "in_a_new_folder")
def test_a_detector_is_not_built_from_it(key: str, command: str, monkeypatch, capsys) -> None:
    path = doctored(Path("tiny.ckpt"), f"detector{key}._target_", THROUGH_OURS)
    if command == "load":
        with pytest.raises(ValueError, match=REFUSED):
            load_detector(path)
        return
    torch.save({}, "a.jpg")
    source = ("source=a.jpg",) if command == "predict" else ()
    ended = run_command(monkeypatch, capsys, command, f"checkpoint={path}", *source)
    assert ended.code == 1 and f"{path} asks for {THROUGH_OURS}" in ended.err


@pytest.mark.parametrize(
    "key",
    [
        "data",
        "criterion",
        "criterion.localization",
        "criterion.matcher",
        "criterion.coder",
        "datamodule.resize",
        "datamodule.resize.steps",
    ],
)
@pytest.mark.usefixtures("called_by_hydra", "in_a_new_folder")
def test_nothing_else_is_measured_with_it(key: str, monkeypatch, capsys) -> None:
    path = doctored(Path("tiny.ckpt"), f"{key}._target_", THROUGH_OURS)
    ended = run_command(monkeypatch, capsys, "evaluate", f"checkpoint={path}", "trainer=cpu", "num_workers=0")
    assert ended.code == 1 and f"{path} asks for {THROUGH_OURS}" in ended.err


@pytest.mark.parametrize("names", [['${oc.create:"{_target_: os.getcwd}"}'], "ab", [1, 2], None])
@pytest.mark.usefixtures("called_by_hydra")
def test_class_names_are_text(tmp_path: Path, names: Any) -> None:
    tiny_checkpoint(tmp_path / "tiny.ckpt")
    saved = torch.load(tmp_path / "tiny.ckpt", weights_only=True)
    saved["hyper_parameters"]["class_names"] = names
    torch.save(saved, tmp_path / "tiny.ckpt")
    with pytest.raises(ValueError, match=REFUSED):
        load_detector(tmp_path / "tiny.ckpt")


@pytest.mark.usefixtures("called_by_hydra")
def test_where_only_weights_and_numbers_are_read_nothing_is_built(tmp_path: Path) -> None:
    path = doctored(tmp_path / "tiny.ckpt", "detector", {"_target_": THROUGH_OURS})
    load_checkpoint(path)
    assert choose_batch(smoke_config(tmp_path, f"resume={path}", "batch_size=auto")).images == 4
    bias = next(name for name in torch.load(path, weights_only=True)["state_dict"] if name.endswith(".bias"))
    target = nn.Module()
    *parents, last = bias.removeprefix("detector.").split(".")
    node = target
    for parent in parents:
        node.add_module(parent, nn.Module())
        node = node.get_submodule(parent)
    shape = torch.load(path, weights_only=True)["state_dict"][bias].shape
    node.register_parameter(last, nn.Parameter(torch.zeros(shape)))
    assert initialise(target, str(path))["taken"] == [bias.removeprefix("detector.")]


@pytest.mark.slow
@pytest.mark.usefixtures("called_by_hydra")
def test_a_run_resumes_from_it_and_builds_what_it_was_asked_for(tmp_path: Path) -> None:
    smoke_run(tmp_path, "trainer.max_epochs=1", "gray_test=false")
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    saved = torch.load(last, weights_only=True)
    config = saved["hyper_parameters"]["config"]
    for key in ("detector", "data", "criterion", "datamodule", "optim", "schedule", "trainer", "callbacks"):
        config[key] = {"_target_": THROUGH_OURS}
    torch.save(saved, last)
    smoke_run(tmp_path, "trainer.max_epochs=2", "gray_test=false", resume_from=last)
    assert load_checkpoint(last)["epoch"] == 1
