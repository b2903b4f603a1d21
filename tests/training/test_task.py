"""What the LightningModule itself decides: which weights decay, the rate, and the way back to image pixels."""

from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from lightning.pytorch import Trainer
from tests.command_line import tiny_checkpoint
from torch import distributed, nn

from lightweight_ssd.criterion.ssd import SSDCriterion
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.training.measure import to_original_pixels
from lightweight_ssd.training.task import DetectionTask, parameter_groups


def test_weight_decay_acts_on_weights_of_convolutions_only(tmp_path) -> None:
    detector, _ = tiny_checkpoint(tmp_path / "tiny.ckpt")
    decayed, rest = parameter_groups(detector)
    assert {parameter.ndim for parameter in decayed["params"]} == {4}
    assert {parameter.ndim for parameter in rest["params"]} == {1} and rest["weight_decay"] == 0
    assert len(decayed["params"]) + len(rest["params"]) == len(list(detector.parameters()))


def test_linear_layers_decay_too_and_their_biases_do_not() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 3))
    decayed, rest = parameter_groups(net)
    assert [parameter.shape for parameter in decayed["params"]] == [(2, 1, 1, 1), (3, 2)]
    assert len(rest["params"]) == 4 and rest["weight_decay"] == 0


def test_a_shared_convolution_stands_once() -> None:
    layer = nn.Conv2d(1, 1, 1)
    groups = parameter_groups(nn.Sequential(layer, layer))
    assert [len(group["params"]) for group in groups] == [1, 1]


@pytest.mark.parametrize("found", [0, 2])
def test_boxes_go_back_to_the_image_file(found: int) -> None:
    boxes = torch.tensor([[30.0, 60.0, 150.0, 300.0]] * found).reshape(-1, 4)
    detections = Detections(boxes, torch.ones(found), torch.zeros(found).long())
    scaled = to_original_pixels(detections, (300, 300), (600, 200)).boxes
    assert scaled.tolist() == [[20.0, 120.0, 100.0, 600.0]] * found


def test_a_group_of_another_size_than_the_trainers_is_refused(tmp_path: Path) -> None:
    """Broken on purpose: a group that an earlier run of this process left behind, and a trainer of two."""
    detector, class_names = tiny_checkpoint(tmp_path / "tiny.ckpt")
    task = DetectionTask(detector, Mock(spec=SSDCriterion), VOCMetric(class_names))
    task.trainer = Mock(spec=Trainer, world_size=2)
    with pytest.raises(ValueError, match="counts on 2 processes, but 1 are there"):
        task.setup("fit")  # no group at all
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        with pytest.raises(ValueError, match="counts on 2 processes, but 1 are there"):
            task.setup("fit")
        task.trainer = Mock(spec=Trainer, world_size=1)
        task.setup("fit")
    finally:
        distributed.destroy_process_group()


def test_factors_act_on_the_parts_that_they_name(tmp_path: Path) -> None:
    detector, _ = tiny_checkpoint(tmp_path / "tiny.ckpt")
    groups = parameter_groups(detector, {"backbone": 0.1, "backbone.stem": 0, "neck": 0.1})
    assert [(group["lr_factor"], group.get("weight_decay")) for group in groups] == [
        (1.0, None), (1.0, 0.0), (0.1, None), (0.1, 0.0)
    ]  # fmt: skip
    names = {id(parameter): name for name, parameter in detector.named_parameters()}
    parts = [{names[id(parameter)].split(".")[0] for parameter in group["params"]} for group in groups]
    assert parts == [{"head"}, {"head"}, {"backbone", "neck"}, {"backbone", "neck"}]
    kept = {name for name, parameter in detector.named_parameters() if not parameter.requires_grad}
    assert kept == {name for name in names.values() if name.startswith("backbone.stem.")} != set()


def test_a_part_that_is_kept_keeps_its_statistics(tmp_path: Path) -> None:
    detector, class_names = tiny_checkpoint(tmp_path / "tiny.ckpt")
    task = DetectionTask(detector, Mock(spec=SSDCriterion), VOCMetric(class_names), lr_factors={"backbone.stem": 0})
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    task.train()
    task.on_train_epoch_start()
    detector(torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8))
    changed = {name for name, value in detector.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and not any(name.startswith("backbone.stem.") for name in changed)


@pytest.mark.parametrize(
    ("factors", "message"),
    [({"backbon": 0.1}, "for parts of the detector .* but got 'backbon'"), ({"neck": -1.0}, "at least 0 but got -1.0")],
)
def test_factors_without_a_meaning_are_refused(factors: dict[str, float], message: str, tmp_path: Path) -> None:
    detector, _ = tiny_checkpoint(tmp_path / "tiny.ckpt")
    with pytest.raises(ValueError, match=message):
        parameter_groups(detector, factors)
