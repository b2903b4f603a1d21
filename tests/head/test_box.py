"""The second stage's head: counts, scores with and without background, a box for each class."""

import pytest
import torch
from torch import nn

from lightweight_ssd.head.box import BoxHead
from lightweight_ssd.tensor_types import RawOutputs


def parameters(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_it_has_the_parameters_of_thundernet_and_faster_rcnn() -> None:
    with torch.device("meta"):
        light, wide = BoxHead(245, 20), BoxHead(25_088, 20, [4096, 4096], 0.5, per_class=True)
    assert [parameters(part) for part in (light.hidden, light.classes, light.boxes)] == [251_904, 21_525, 4_100]
    assert [parameters(part) for part in (wide.hidden, wide.classes, wide.boxes)] == [119_545_856, 86_037, 344_148]


def test_scores_leave_the_background_out() -> None:
    head = BoxHead(4, 2, [3])
    logits = torch.tensor([[[0.0, 1.0, 2.0]]])
    raw = RawOutputs(logits, torch.zeros(1, 1, 4), torch.zeros(1, 1, 4))
    torch.testing.assert_close(head.scores(raw), logits.softmax(-1)[..., 1:])
    without = BoxHead(4, 3, [3], background=False)
    torch.testing.assert_close(without.scores(raw), logits.sigmoid())
    assert head.scores(raw._replace(logits=logits.bfloat16())).dtype == torch.float32


@pytest.mark.parametrize("background", [True, False])
def test_offsets_per_class_have_none_for_the_background(background: bool) -> None:
    logits, offsets = BoxHead(4, 3, [5], background=background, per_class=True)(torch.rand(6, 4))
    assert logits.shape == (6, 3 + background) and offsets.shape == (6, 3, 4)
    logits, offsets = BoxHead(4, 3, [5], background=background)(torch.rand(6, 4))
    assert logits.shape == (6, 3 + background) and offsets.shape == (6, 4)


def test_dropout_is_off_in_evaluation() -> None:
    head, features = BoxHead(8, 2, [64, 64], dropout=0.5), torch.rand(3, 8)
    assert not torch.equal(head.hidden(features), head.hidden(features))
    head.eval()
    assert torch.equal(head.hidden(features), head.hidden(features))
    assert not any(isinstance(layer, nn.Dropout) for layer in BoxHead(8, 2).hidden)


@pytest.mark.parametrize("settings", [{"dropout": 1.0}, {"dropout": -0.1}])
def test_dropout_of_everything_is_refused(settings: dict) -> None:
    with pytest.raises(ValueError, match=r"Expected detector\.head\.dropout from 0 to below 1"):
        BoxHead(4, 2, **settings)
    with pytest.raises(ValueError, match="one class or more"):
        BoxHead(4, 0)
