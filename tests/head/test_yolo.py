"""YOLO's head: order, start, what scores mean, mistakes."""

from typing import Any

import pytest
import torch

from lightweight_ssd.head.ssd import SSDHead
from lightweight_ssd.head.yolo import YOLOHead
from lightweight_ssd.tensor_types import RawOutputs


def test_empty_batch() -> None:
    logits, offsets, objectness = YOLOHead([2, 3], [3, 6], 5)([torch.zeros(0, 2, 4, 3), torch.zeros(0, 3, 2, 2)])
    anchors = 4 * 3 * 3 + 2 * 2 * 6
    assert logits.shape == (0, anchors, 5) and offsets.shape == (0, anchors, 4) and objectness.shape == (0, anchors)


def test_it_is_ssds_head_with_a_third_convolution_in_the_same_order() -> None:
    yolo, ssd = YOLOHead([2, 3], [2, 3], 4), SSDHead([2, 3], [2, 3], 4)
    ssd.load_state_dict({name: value for name, value in yolo.state_dict().items() if "objectness" not in name})
    maps = [torch.randn(2, 2, 4, 3), torch.randn(2, 3, 2, 1)]
    logits, offsets, objectness = yolo(maps)
    for found, expected in zip((logits, offsets), ssd(maps), strict=True):
        assert torch.equal(found, expected)
    by_hand = [conv(x).permute(0, 2, 3, 1).flatten(1) for conv, x in zip(yolo.objectness, maps, strict=True)]
    assert torch.equal(objectness, torch.cat(by_hand, dim=1))


def test_weights_are_those_of_one_convolution_for_all_values() -> None:
    head = YOLOHead([256, 512, 1024], [3, 3, 3], 20)
    assert sum(p.numel() for p in head.parameters()) == sum((c + 1) * 75 for c in (256, 512, 1024)) == 134_625


def test_objectness_starts_at_the_prior_and_all_else_at_zero() -> None:
    logits, offsets, objectness = YOLOHead([32], [3], 20)([torch.zeros(1, 32, 2, 2)])
    assert not logits.any() and not offsets.any()
    torch.testing.assert_close(objectness, torch.full_like(objectness, -4.0), atol=1e-3, rtol=0)


@pytest.mark.parametrize("softmax", [False, True])
def test_a_score_is_objectness_times_class_in_full_precision(softmax: bool) -> None:
    logits, objectness = torch.randn(2, 5, 3), torch.randn(2, 5)
    raw = RawOutputs(logits, torch.zeros(2, 5, 4), torch.zeros(5, 4), None, objectness)
    classes = logits.exp() / logits.exp().sum(-1, keepdim=True) if softmax else 1 / (1 + (-logits).exp())
    head = YOLOHead([1], [1], 3, softmax=softmax)
    torch.testing.assert_close(head.scores(raw), classes / (1 + (-objectness).exp())[..., None])
    half = raw._replace(logits=logits.bfloat16(), objectness=objectness.bfloat16())
    assert head.scores(half).dtype == torch.float32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prior": 1.0}, "between 0 and 1 but got 1.0"),
        ({"kernel_size": 4}, "odd kernel_size of the head but got 4"),
        ({"num_classes": 0}, "one class or more but got 0"),
    ],
)
def test_mistakes_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        YOLOHead(**{"in_channels": [2], "anchors_per_cell": [1], "num_classes": 1} | changes)
