"""The neck that is none."""

import torch

from lightweight_ssd.neck.none import NoNeck


def test_hands_the_levels_through() -> None:
    neck = NoNeck([3, 5])
    maps = [torch.zeros(0, 3, 4, 4), torch.zeros(0, 5, 2, 2)]
    assert neck.out_channels == (3, 5)
    assert all(out is level for out, level in zip(neck(maps), maps, strict=True))
    assert not list(neck.parameters())
