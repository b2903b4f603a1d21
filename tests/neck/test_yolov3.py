"""YOLOv3's neck: sizes, what each level sees, widths."""

import pytest
import torch

from lightweight_ssd.neck.yolov3 import YOLOv3Neck

CHANNELS = (4, 6, 8)


def levels(batch: int, channels: tuple[int, ...] = CHANNELS) -> list[torch.Tensor]:
    sizes = [(9, 7), (5, 4), (3, 2), (2, 1), (1, 1)]
    return [torch.randn(batch, c, *size) for c, size in zip(channels, sizes, strict=False)]


def test_parameters_of_both_kinds() -> None:
    for separable, expected in ((False, 20_906_496), (True, 7_762_593 - 3_206_976 - 134_625)):
        with torch.device("meta"):
            neck = YOLOv3Neck((256, 512, 1024), separable=separable)
        assert sum(p.numel() for p in neck.parameters()) == expected
        assert neck.out_channels == (256, 512, 1024)


@pytest.mark.parametrize("batch", [0, 2])
@pytest.mark.parametrize("channels", [(3,), CHANNELS, (3, 5, 8, 4, 2)])
def test_any_number_of_levels_keeps_its_sizes(batch: int, channels: tuple[int, ...]) -> None:
    neck, maps = YOLOv3Neck(channels).eval(), levels(batch, channels)
    found = neck(maps)
    assert [out.shape[1] for out in found] == list(neck.out_channels)
    assert [out.shape[2:] for out in found] == [level.shape[2:] for level in maps]


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("channels", [(3,), CHANNELS, (3, 5, 8, 4, 2)])
def test_every_parameter_gets_a_gradient(channels: tuple[int, ...], separable: bool) -> None:
    torch.manual_seed(0)
    neck = YOLOv3Neck(channels, separable=separable)
    torch.stack([(out * torch.randn_like(out)).sum() for out in neck(levels(4, channels))]).sum().backward()
    assert [name for name, p in neck.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


def test_a_level_sees_itself_and_the_coarser_ones() -> None:
    neck, maps = YOLOv3Neck(CHANNELS).eval(), levels(1)
    before = neck(maps)
    for changed in range(3):
        after = neck([level + (number == changed) for number, level in enumerate(maps)])
        assert [not torch.equal(old, new) for old, new in zip(before, after, strict=True)] == [
            level <= changed for level in range(3)
        ]
