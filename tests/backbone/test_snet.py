"""SNet: the counts of its name, the unit against a plain one, sizes, mistakes."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lightweight_ssd.backbone.snet import SNet


def parameters(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_snet49_has_the_parameters_and_the_multiply_adds_of_its_name() -> None:
    net = SNet().to("meta").eval()
    assert parameters(net) == 362_584
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        fine, top = net(torch.empty(1, 3, 224, 224, device="meta"))
    assert round(counter.get_total_flops() / 2e6, 1) == 50.7
    assert fine.shape == (1, 120, 14, 14) and top.shape == (1, 512, 7, 7)
    assert net.out_channels == (120, 512) and net.strides == (16, 32)


@pytest.mark.parametrize(("channels", "levels"), [((24, 132, 264, 528), (264, 528)), ((48, 248, 496, 992), (496, 992))])
def test_the_larger_ones_end_with_their_last_stage(channels: tuple[int, ...], levels: tuple[int, ...]) -> None:
    with torch.device("meta"):
        net = SNet(channels, last_channels=None)
    assert net.out_channels == levels
    assert [level.shape[1] for level in net(torch.empty(1, 3, 64, 64, device="meta"))] == list(levels)


def test_levels_round_up_and_the_smallest_image_passes() -> None:
    net = SNet(width=0.2).eval()
    for height, width in ((100, 130), (16, 16), (1, 33)):
        fine, top = net(torch.rand(1, 3, height, width))
        assert fine.shape[2:] == (-(-height // 16), -(-width // 16))
        assert top.shape[2:] == (-(-height // 32), -(-width // 32))


def test_a_unit_passes_one_half_and_mixes_it_with_the_other() -> None:
    stage: Any = SNet(width=0.2).stages[0]
    unit = stage[1].eval()
    x = torch.rand(1, 12, 5, 5)
    out: Tensor = unit(x)
    torch.testing.assert_close(out[:, 0::2], x[:, :6])
    torch.testing.assert_close(out[:, 1::2], unit.long(x[:, 6:]))


def test_the_width_scales_all_channels() -> None:
    net = SNet(width=0.5)
    assert net.out_channels == (60, 256)
    assert parameters(net) < 110_000


@pytest.mark.parametrize(
    "settings", [{"channels": (24, 60, 120)}, {"channels": (24, 60, 60, 120)}, {"repeats": (4, 8)}, {"width": 0.01}]
)
def test_channels_that_do_not_rise_are_refused(settings: dict) -> None:
    with pytest.raises(ValueError, match=r"Expected backbone\.channels as four rising numbers"):
        SNet(**settings)
