"""A pass of one image that BatchNorm cannot learn from is refused before the first step."""

from pathlib import Path

import pytest
import torch
from tests.run_server import RunServer
from tests.running import smoke_config
from torch import nn

from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.training.pass_size import check_pass, single_value_layer

ONE = ("batch_size=1", "image_size=64", "trainer.accelerator=cpu")


def test_a_pass_of_one_is_refused_where_a_map_has_one_cell(tmp_path: Path) -> None:
    said = (
        r"^Expected at least 2 images of a pass for image_size=64, .* but got batch_size=1: give batch_size=2, or a l"
    )
    with pytest.raises(ValueError, match=said):
        check_pass(smoke_config(tmp_path, *ONE))
    with pytest.raises(ValueError, match=r"give batch_size=2 trainer\.accumulate_grad_batches=63, or"):
        check_pass(smoke_config(tmp_path, *ONE, "trainer.accumulate_grad_batches=126"))
    with pytest.raises(ValueError, match=r"2 images of a pass on each device .* got batch_size=2: give batch_size=4, "):
        check_pass(smoke_config(tmp_path, *ONE, "batch_size=2", "trainer.devices=2"))


@pytest.mark.parametrize("other", ["batch_size=2", "image_size=300"])
def test_what_can_be_trained_is_not_refused(tmp_path: Path, other: str) -> None:
    cfg = smoke_config(tmp_path, *ONE, other)
    check_pass(cfg)
    detector = build(resolved(cfg)["detector"], num_classes=2).train()
    size, count = int(cfg.image_size), int(cfg.batch_size)
    detector(torch.zeros(count, 3, size, size, dtype=torch.uint8))


def test_the_layer_is_the_one_that_pytorch_would_refuse(tmp_path: Path) -> None:
    detector = build(resolved(smoke_config(tmp_path, *ONE))["detector"], num_classes=2)
    layer = single_value_layer(detector, 64, 64)
    assert layer is not None
    fed: list[nn.Module] = []
    for each in detector.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.register_forward_pre_hook(lambda module, _: fed.append(module))
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        detector.train()(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    assert fed[-1] is detector.get_submodule(layer)


def test_layers_that_stay_frozen_are_not_asked() -> None:
    class Frozen(nn.BatchNorm2d):
        def train(self, mode: bool = True) -> "Frozen":
            return super().train(False)

    for kind, expected in ((nn.BatchNorm2d, "2"), (Frozen, None)):
        assert single_value_layer(nn.Sequential(_AsFloat(), nn.AdaptiveAvgPool2d(1), kind(3)), 8, 8) == expected


class _AsFloat(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.float()


@pytest.mark.slow
def test_the_command_says_so_and_leaves_no_folder(server: RunServer, tmp_path: Path) -> None:
    ended = server.run(tmp_path, "train", "experiment=smoke", "logger=csv", *ONE)
    assert ended.code == 1 and ended.err.startswith(
        "lssd train: Expected at least 2 images of a pass for image_size=64"
    )
    assert len(ended.err.splitlines()) == 1 and not (tmp_path / "runs").exists()
