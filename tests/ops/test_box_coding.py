import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lightweight_ssd.ops.box_coding import decode, encode
from lightweight_ssd.ops.boxes import xyxy_to_cxcywh

VARIANCES = (0.1, 0.1, 0.2, 0.2)
FUZZING = settings(max_examples=300, deadline=None, derandomize=True, database=None)
ANCHORS = torch.tensor([[0.0, 0.0, 10.0, 20.0], [100.0, 50.0, 160.0, 80.0]])


def test_no_anchors():
    none = torch.zeros(0, 4)
    assert encode(none, none, VARIANCES).shape == decode(none, none, VARIANCES).shape == (0, 4)


def test_offsets_by_hand():
    box = torch.tensor([2.0, 0.0, 12.0, 40.0])  # center (7, 20), size (10, 40)
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


def _values(least: float, most: float, width: int = 32) -> st.SearchStrategy[np.ndarray]:
    """Five rows of four; the limits themselves, zeros and repeated values come up often."""
    special = [least, most, min(max(0.0, least), most)]
    elements = st.floats(np.float32(least).item(), np.float32(most).item(), width=32) | st.sampled_from(special)
    return arrays(np.float32 if width == 32 else np.float64, (5, 4), elements=elements)


@FUZZING
@given(boxes=_values(-1e4, 1e4), anchors=_values(-1e4, 1e4))
def test_any_box_has_finite_offsets_from_any_anchor(boxes: np.ndarray, anchors: np.ndarray):
    """Also inverted, empty and far away."""
    assert encode(torch.from_numpy(boxes), torch.from_numpy(anchors), VARIANCES).isfinite().all()


@FUZZING
@given(offsets=_values(-1e20, 1e20) | _values(-10, 10), anchors=_values(-1e4, 1e4))
def test_any_offsets_give_a_box_that_is_finite_and_not_inverted(offsets: np.ndarray, anchors: np.ndarray):
    boxes = decode(torch.from_numpy(offsets), torch.from_numpy(anchors), VARIANCES)
    assert boxes.isfinite().all()
    assert (boxes[:, 2:] >= boxes[:, :2]).all()


@pytest.mark.slow
@FUZZING
@given(anchors=_values(1, 2000, width=64), shifts=_values(-2000, 2000, width=64), growth=_values(0.02, 50, width=64))
def test_round_trip_of_any_box_that_an_anchor_may_become(anchors: np.ndarray, shifts: np.ndarray, growth: np.ndarray):
    """Centers, sides and the ratio of the sides are drawn; float64, so that nothing but the formula counts."""
    centers, sides = torch.from_numpy(anchors).split(2, dim=1)
    far, ratio = torch.from_numpy(shifts)[:, :2], torch.from_numpy(growth)[:, :2].clamp(min=0.02)
    anchor = torch.cat([centers - sides / 2, centers + sides / 2], dim=1)
    box = torch.cat([centers + far - sides * ratio / 2, centers + far + sides * ratio / 2], dim=1)
    offsets = encode(box, anchor, VARIANCES)
    torch.testing.assert_close(decode(offsets, anchor, VARIANCES), box, atol=1e-6, rtol=1e-9)
