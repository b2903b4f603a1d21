import pytest
import torch

from lightweight_ssd.boxes import xyxy_to_cxcywh
from lightweight_ssd.coding import decode, encode

VARIANCES = (0.1, 0.1, 0.2, 0.2)
ANCHORS = torch.tensor([[0.0, 0.0, 10.0, 20.0], [100.0, 50.0, 160.0, 80.0]])


def test_no_anchors():
    none = torch.zeros(0, 4)
    assert encode(none, none, VARIANCES).shape == decode(none, none, VARIANCES).shape == (0, 4)


def test_offsets_by_hand():
    box = torch.tensor([2.0, 0.0, 12.0, 40.0])  # centre (7, 20), size (10, 40)
    expected = torch.tensor([2 / 10 / 0.1, 10 / 20 / 0.1, 0.0, 0.6931472 / 0.2])
    torch.testing.assert_close(encode(box, ANCHORS[0], VARIANCES), expected)


def test_zero_offsets_are_the_anchors():
    torch.testing.assert_close(decode(torch.zeros(3, 2, 4), ANCHORS, VARIANCES), ANCHORS.expand(3, 2, 4))
    torch.testing.assert_close(encode(ANCHORS, ANCHORS, VARIANCES), torch.zeros(2, 4))


@pytest.mark.parametrize("variances", [VARIANCES, [1.0, 1.0, 1.0, 1.0], (0.1, 0.2, 0.3, 0.4)])
def test_round_trip_over_a_batch(variances: list[float]):
    offsets = torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(encode(decode(offsets, ANCHORS, variances), ANCHORS, variances), offsets)


def test_sizes_are_clamped_and_never_inverted():
    offsets = torch.tensor([0.0, 0.0, 1e6, -1e6], requires_grad=True)
    box = decode(offsets, ANCHORS[0], VARIANCES)
    width, height = xyxy_to_cxcywh(box).tolist()[2:]
    assert width == pytest.approx(10 * 62.5)
    assert height == 0
    box.sum().backward()
    assert offsets.grad is not None
    assert offsets.grad.isfinite().all()


def test_boxes_and_anchors_without_area_stay_finite():
    point = torch.tensor([5.0, 5.0, 5.0, 5.0])
    assert encode(point, ANCHORS, VARIANCES).isfinite().all()
    assert encode(ANCHORS, point, VARIANCES).isfinite().all()


def test_half_precision_offsets_decode_in_float32():
    offsets = torch.randn(2, 4, generator=torch.Generator().manual_seed(1)).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        boxes = decode(offsets, ANCHORS, VARIANCES)
    assert boxes.dtype == torch.float32
    assert torch.equal(boxes, decode(offsets.float(), ANCHORS, VARIANCES))


def test_gradients():
    offsets = torch.randn(2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    boxes = decode(offsets.detach(), ANCHORS.double(), VARIANCES).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: decode(x, ANCHORS.double(), VARIANCES), offsets)
    assert torch.autograd.gradcheck(lambda x: encode(x, ANCHORS.double(), VARIANCES), boxes)
