"""CFPN against equations (4) and (5), unrolled."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lightweight_ssd.neck.cfpn import CFPN

CHANNELS = (3, 5, 4)


def levels(batch: int, sizes: tuple[tuple[int, int], ...] = ((9, 7), (5, 4), (3, 2))) -> list[Tensor]:
    return [torch.randn(batch, c, *size) for c, size in zip(CHANNELS, sizes, strict=True)]


@pytest.mark.parametrize("circles", [1, 2, 3])
@pytest.mark.parametrize("batch", [0, 2])
def test_sizes_stay_and_channels_are_the_width(batch: int, circles: int) -> None:
    neck = CFPN(CHANNELS, width=6, circles=circles).eval()
    assert neck.out_channels == (6, 6, 6)
    assert [tuple(out.shape) for out in neck(levels(batch))] == [(batch, 6, 9, 7), (batch, 6, 5, 4), (batch, 6, 3, 2)]


def test_two_turns_written_out() -> None:
    """Three levels stand for the paper's five: 3 is the finest, 5 the coarsest."""
    neck, maps = CFPN(CHANNELS, width=6, circles=2).eval(), levels(2)
    in_3, in_4, in_5 = (lateral(level) for lateral, level in zip(neck.lateral, maps, strict=True))
    up_3, up_4 = neck.upward  # edges that leave level 3 and 4
    back_4, back_5 = neck.feedback  # edges that leave level 4 and 5
    conv_3, conv_4, conv_5 = (
        lambda x, turn, d=d, p=p: p(d(x, turn), turn) for d, p in zip(neck.depthwise, neck.pointwise, strict=True)
    )

    def down(x: Tensor) -> Tensor:
        return F.max_pool2d(x, 3, 2, 1)

    out_4, out_5 = None, None
    for turn in range(2):
        mid_4 = in_4 + F.interpolate(in_5, size=(5, 4))
        if turn:
            mid_4 = mid_4 + F.interpolate(back_5(out_5, 0), size=(5, 4))
        mid_3 = in_3 + F.interpolate(mid_4, size=(9, 7))
        if turn:
            mid_3 = mid_3 + F.interpolate(back_4(out_4, 0), size=(9, 7))
        out_3 = conv_3(mid_3, turn)
        out_4 = conv_4(mid_4 + down(up_3(mid_3, turn)), turn)
        out_5 = conv_5(in_5 + down(up_4(out_4, turn)), turn)
    for out, expected in zip(neck(maps), (out_3, out_4, out_5), strict=True):
        torch.testing.assert_close(out, expected)


@pytest.mark.parametrize("circles", [1, 2, 3])
def test_every_parameter_gets_a_gradient(circles: int) -> None:
    neck = CFPN(CHANNELS, width=6, circles=circles)
    sum(out.square().sum() for out in neck(levels(2))).backward()
    assert [name for name, p in neck.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_turns_share_their_weights_and_one_turn_has_no_feedback() -> None:
    necks = [CFPN(CHANNELS, width=6, circles=circles) for circles in (1, 2, 3)]
    names = [{name for name, _ in neck.named_parameters()} for neck in necks]
    assert names[1] == names[2]
    assert {name.split(".")[0] for name in names[1] - names[0]} == {"feedback"}
    assert names[0] < names[1]


def test_more_turns_change_the_result() -> None:
    torch.manual_seed(0)
    two, three = CFPN(CHANNELS, width=6, circles=2).eval(), CFPN(CHANNELS, width=6, circles=3).eval()
    three.load_state_dict(two.state_dict(), strict=False)  # statistics of the third turn stay at their start
    maps = levels(1)
    assert not torch.allclose(two(maps)[0], three(maps)[0])


@pytest.mark.parametrize(
    ("channels", "circles", "message"),
    [((3, 5), 0, "circles of CFPN to be 1 or more but got 0"), ((3,), 2, "two or more levels for CFPN")],
)
def test_mistakes_are_named(channels: tuple[int, ...], circles: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CFPN(channels, circles=circles)


def test_levels_that_do_not_halve_are_refused() -> None:
    with pytest.raises(ValueError, match="half of the one before but got the sizes"):
        CFPN(CHANNELS, width=6)(levels(1, ((9, 7), (9, 7), (5, 4))))


def test_evaluation_repeats_training_once_the_statistics_are_known() -> None:
    """Every turn keeps its own running statistics: with those of the very batch, both modes give the same."""
    torch.manual_seed(0)
    neck, maps = CFPN(CHANNELS, width=6, circles=3, norm_momentum=1.0), levels(64)
    trained = neck(maps)
    for out, expected in zip(neck.eval()(maps), trained, strict=True):
        torch.testing.assert_close(out, expected, rtol=0.1, atol=0.1)  # running variances are the unbiased ones
