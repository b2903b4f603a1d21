"""YOLOv2's neck against its layers written out, and the passthrough against Darknet's loop."""

import pytest
import torch
from tests.darknet_network import reorg
from torch import Tensor, nn
from torch.nn import functional as F

from lightweight_ssd.neck.yolov2 import YOLOv2Neck, reorganize


def _layer(block: nn.Module, x: Tensor) -> Tensor:
    """One convolution whose normalization is as at the start."""
    conv = next(m for m in block.modules() if isinstance(m, nn.Conv2d))
    return F.leaky_relu(F.conv2d(x, conv.weight, padding=conv.padding) / (1 + 1e-5) ** 0.5, 0.1)  # pyright: ignore


@pytest.mark.parametrize("passthrough", ["adjacent", "darknet"])
def test_layers_written_out(passthrough: str) -> None:
    torch.manual_seed(0)
    neck = YOLOv2Neck((6, 10), passthrough, width=1 / 16).eval()
    fine, coarse = torch.randn(2, 6, 8, 12), torch.randn(2, 10, 4, 6)
    side = _layer(neck.side, fine)
    cells = F.pixel_unshuffle(side, 2) if passthrough == "adjacent" else reorg(side)
    deep = _layer(neck.deep[1], _layer(neck.deep[0], coarse))
    (found,) = neck([fine, coarse])
    torch.testing.assert_close(found, _layer(neck.fuse, torch.cat([cells, deep], dim=1)))
    assert neck.out_channels == (64,)


def test_reorganize_is_darknets_loop_and_no_order_of_the_channels_of_pixel_unshuffle() -> None:
    x = torch.arange(2 * 8 * 6 * 4, dtype=torch.float32).reshape(2, 8, 6, 4)
    assert torch.equal(reorganize(x), reorg(x))
    theirs = {tuple(sorted(each.flatten().tolist())) for each in reorganize(x)[0]}
    ours = {tuple(sorted(each.flatten().tolist())) for each in F.pixel_unshuffle(x, 2)[0]}
    assert theirs != ours


def test_count_and_empty_batch() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in YOLOv2Neck((512, 1024)).parameters()) == 30_709_888
    assert YOLOv2Neck((3, 4), width=0.01)([torch.zeros(0, 3, 4, 4), torch.zeros(0, 4, 2, 2)])[0].shape == (0, 10, 2, 2)


@pytest.mark.parametrize("passthrough", ["adjacent", "darknet"])
def test_every_parameter_gets_a_gradient(passthrough: str) -> None:
    neck = YOLOv2Neck((3, 4), passthrough, width=1 / 16)
    neck([torch.randn(2, 3, 4, 4), torch.randn(2, 4, 2, 2)])[0].square().sum().backward()
    assert [name for name, p in neck.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 32 for neck=yolov2 but got maps of 19×19 and 10×10 cells"):
        YOLOv2Neck((3, 4), width=0.01)([torch.zeros(1, 3, 19, 19), torch.zeros(1, 4, 10, 10)])
    with pytest.raises(ValueError, match="two levels for neck=yolov2 but got 3"):
        YOLOv2Neck((3, 4, 5))
    with pytest.raises(ValueError, match="adjacent or darknet but got both"):
        YOLOv2Neck((3, 4), "both")
    with pytest.raises(ValueError, match=r"that 4 divides for neck.passthrough=darknet but got 6"):
        YOLOv2Neck((3, 4), "darknet", width=0.1)
