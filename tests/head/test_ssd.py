"""The head: order, start, mistakes."""

import math
from typing import Any

import pytest
import torch

from lightweight_ssd.head.ssd import SSDHead
from lightweight_ssd.tensor_types import RawOutputs


def test_empty_batch() -> None:
    logits, offsets = SSDHead([2, 3], [3, 6], 5)([torch.zeros(0, 2, 4, 3), torch.zeros(0, 3, 2, 2)])
    assert logits.shape == (0, 4 * 3 * 3 + 2 * 2 * 6, 5)
    assert offsets.shape == (0, 4 * 3 * 3 + 2 * 2 * 6, 4)


def test_order_is_level_row_column_anchor() -> None:
    """Each output channel says its own index, and each cell its own: their sum tells where a value came from."""
    head, sizes, per_cell, classes = SSDHead([1, 1], [2, 3], 4), [(2, 3), (1, 2)], [2, 3], 4
    for predictors in (head.classes, head.boxes):
        for conv in predictors:
            torch.nn.init.ones_(conv.weight)  # type: ignore[arg-type]
            conv.bias.data = torch.arange(conv.bias.numel(), dtype=torch.float32)  # type: ignore[union-attr]
    cells = [1000.0 * level + 100 * torch.arange(h * w).reshape(1, 1, h, w) for level, (h, w) in enumerate(sizes)]
    logits, offsets = head(cells)
    expected = [
        [[1000 * level + 100 * cell + anchor * values + value for value in range(values)]]
        for values in (classes, 4)
        for level, (h, w) in enumerate(sizes)
        for cell in range(h * w)
        for anchor in range(per_cell[level])
    ]
    count = logits.shape[1]
    assert logits[0].tolist() == [row[0] for row in expected[:count]]
    assert offsets[0].tolist() == [row[0] for row in expected[count:]]


def test_scores_start_at_the_prior_and_offsets_at_zero() -> None:
    torch.manual_seed(0)
    head = SSDHead([32], [3], 20, prior=0.01)
    logits, offsets = head([torch.zeros(1, 32, 2, 2)])
    torch.testing.assert_close(logits.sigmoid(), torch.full_like(logits, 0.01))
    assert not offsets.any()
    assert head.classes[0].weight.std().item() == pytest.approx(0.01, rel=0.1)  # type: ignore[union-attr]


def test_scores_are_sigmoids_in_full_precision() -> None:
    logits = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    head, rest = SSDHead([1], [1], 3), (torch.zeros(2, 5, 4), torch.zeros(5, 4))
    torch.testing.assert_close(head.scores(RawOutputs(logits, *rest)), logits.sigmoid())
    assert head.scores(RawOutputs(logits.bfloat16(), *rest)).dtype == torch.float32


@pytest.mark.parametrize(("classes", "prior", "expected"), [(20, 0.01, 0.01), (3, 0.9, 0.25), (500, 0.01, 1 / 501)])
def test_with_background_every_class_starts_at_the_prior_or_an_equal_share(
    classes: int, prior: float, expected: float
) -> None:
    head, maps = SSDHead([4], [3], classes, prior=prior, background=True), [torch.zeros(1, 4, 2, 2)]
    logits, offsets = head(maps)
    scores = head.scores(RawOutputs(logits, offsets, torch.zeros(12, 4)))
    assert logits.shape == (1, 12, classes + 1)
    torch.testing.assert_close(scores, torch.full((1, 12, classes), expected))


def test_scores_with_background_are_a_softmax_without_its_first_column() -> None:
    logits = torch.tensor([[[math.log(2), 0.0, math.log(3)]]])
    head = SSDHead([1], [1], 2, background=True)
    raw = RawOutputs(logits, torch.zeros(1, 1, 4), torch.zeros(1, 4))
    torch.testing.assert_close(head.scores(raw), torch.tensor([[[1 / 6, 1 / 2]]]))
    assert head.scores(raw._replace(logits=logits.bfloat16())).dtype == torch.float32


def test_larger_kernels_keep_the_size() -> None:
    assert SSDHead([2], [1], 1, kernel_size=3)([torch.zeros(1, 2, 4, 3)])[0].shape == (1, 12, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prior": 0.0}, "between 0 and 1 but got 0.0"),
        ({"kernel_size": 2}, "odd kernel_size of the head but got 2"),
        ({"num_classes": 0}, "one class or more but got 0"),
    ],
)
def test_mistakes_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SSDHead(**{"in_channels": [2], "anchors_per_cell": [1], "num_classes": 1} | changes)
