"""SSD's coding of boxes, with the decoder for fixed anchors beside the one for any."""

import pytest
import torch

from lightweight_ssd.coding.variance import VarianceCoder
from lightweight_ssd.ops.box_coding import decode, encode

ANCHORS = torch.tensor([[0.0, 0.0, 10.0, 20.0], [5.0, 5.0, 45.0, 15.0], [-8.0, 2.0, 8.0, 4.0]])
VARIANCES = (0.1, 0.2, 0.3, 0.4)


def test_it_is_the_formula_with_its_variances() -> None:
    coder, offsets = VarianceCoder(VARIANCES), torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    boxes = coder.decode(offsets, ANCHORS)
    assert torch.equal(boxes, decode(offsets, ANCHORS, VARIANCES))
    assert torch.equal(coder.encode(boxes, ANCHORS), encode(boxes, ANCHORS, VARIANCES))
    assert torch.equal(coder.decode(offsets, ANCHORS, torch.ones(3, 2)), boxes), "cells do not matter"


@pytest.mark.parametrize("batch", [0, 2])
def test_the_decoder_of_fixed_anchors_is_the_same(batch: int) -> None:
    offsets = 20 * torch.randn(batch, 3, 4, generator=torch.Generator().manual_seed(0))  # some beyond the largest size
    coder = VarianceCoder(VARIANCES)
    decoder = coder.decoder(ANCHORS)
    torch.testing.assert_close(decoder(offsets), coder.decode(offsets, ANCHORS))
    assert list(decoder.state_dict()) == [], "constants are no weights"


@pytest.mark.parametrize("variances", [(0.1, 0.1), (0.1, 0.1, 0.2, 0.0)])
def test_bad_variances_are_named(variances: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"variances to be four numbers above 0 \(cx, cy, w, h\), but got"):
        VarianceCoder(variances)
