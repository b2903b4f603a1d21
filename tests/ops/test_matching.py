import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from lightweight_ssd.ops.boxes import pairwise_iou
from lightweight_ssd.ops.matching import match
from lightweight_ssd.types import OTHER_CLASS


def naive_match(anchors: Tensor, boxes: Tensor, labels: Tensor, threshold: float) -> Tensor:
    """The rules, one image, one anchor and one ground truth at a time."""
    result = torch.full((len(boxes), len(anchors)), -1)
    for image in range(len(boxes)):
        iou = pairwise_iou(anchors, boxes[image]).tolist()
        truths = [j for j in range(boxes.shape[1]) if labels[image, j] >= 0]
        ignored = [j for j in range(boxes.shape[1]) if labels[image, j] == OTHER_CLASS]
        for i in range(len(anchors)):
            best = OTHER_CLASS if any(iou[i][j] >= threshold for j in ignored) else -1
            for j in truths:
                if iou[i][j] >= threshold and (best < 0 or iou[i][j] > iou[i][best]):
                    best = j
            result[image, i] = best
        owner: dict[int, int] = {}
        for j in truths:
            best = max(range(len(anchors)), key=lambda i: (iou[i][j], -i))
            if iou[best][j] > 0 and (best not in owner or iou[best][j] > iou[best][owner[best]]):
                owner[best] = j
        for i, j in owner.items():
            result[image, i] = j
    return result


def grid_boxes(*shape: int, generator: torch.Generator) -> Tensor:
    """Boxes with whole coordinates on a tiny grid, so that equal overlaps, copies and empty boxes are common."""
    corners = torch.randint(0, 6, (*shape, 2, 2), generator=generator).float()
    return torch.cat([corners.amin(dim=-2), corners.amax(dim=-2)], dim=-1)


def test_no_ground_truth_slots():
    matches = match(torch.rand(7, 4), torch.zeros(3, 0, 4), torch.zeros(3, 0, dtype=torch.int64), 0.5)
    assert matches.dtype == torch.int64
    assert torch.equal(matches, torch.full((3, 7), -1))


def test_no_images_and_no_anchors():
    labels = torch.zeros(0, 2, dtype=torch.int64)
    assert match(torch.rand(7, 4), torch.zeros(0, 2, 4), labels, 0.5).shape == (0, 7)
    assert match(torch.zeros(0, 4), torch.rand(3, 2, 4), torch.zeros(3, 2, dtype=torch.int64), 0.5).shape == (3, 0)


def test_padding_is_never_matched_even_where_it_covers_an_anchor():
    anchors = torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    assert match(anchors, anchors[None], torch.tensor([[-1]]), 0.5).tolist() == [[-1]]


def test_threshold_is_inclusive_and_the_best_anchor_is_kept_below_it():
    anchors = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 2.0], [0.0, 0.0, 4.0, 1.0]])
    boxes = anchors[:1][None]  # IoU 1, 1/2, 1/4
    assert match(anchors, boxes, torch.tensor([[0]]), 0.5).tolist() == [[0, 0, -1]]
    assert match(anchors[2:], boxes, torch.tensor([[0]]), 0.5).tolist() == [[0]]


def test_a_kept_anchor_is_taken_from_a_better_overlap():
    anchors = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.0]])
    boxes = torch.tensor([[[0.0, 0.0, 10.0, 9.0], [0.0, 6.0, 10.0, 14.0]]])
    # Anchor 0 overlaps truth 0 by 0.9, but is the best of truth 1 with 4 / 14; truth 0 has anchor 1 for itself.
    assert match(anchors, boxes, torch.tensor([[3, 3]]), 0.5).tolist() == [[1, 0]]


def test_conflicts_go_to_the_higher_overlap_and_ties_to_the_lower_index():
    anchors = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    small, large = [0.0, 0.0, 10.0, 2.0], [0.0, 0.0, 10.0, 4.0]
    labels = torch.tensor([[0, 1]])
    assert match(anchors, torch.tensor([[small, large]]), labels, 0.5).tolist() == [[1]]
    assert match(anchors, torch.tensor([[large, small]]), labels, 0.5).tolist() == [[0]]
    assert match(anchors, torch.tensor([[small, small]]), labels, 0.5).tolist() == [[0]]


def test_a_ground_truth_that_overlaps_nothing_takes_no_anchor():
    anchors = torch.tensor([[0.0, 0.0, 4.0, 4.0], [4.0, 4.0, 8.0, 8.0]])
    boxes = torch.tensor([[[90.0, 90.0, 99.0, 99.0], [2.0, 2.0, 2.0, 2.0]]])
    assert match(anchors, boxes, torch.tensor([[0, 0]]), 0.5).tolist() == [[-1, -1]]


@pytest.mark.parametrize("seed", range(40))
def test_equals_the_naive_loops(seed: int):
    generator = torch.Generator().manual_seed(seed)
    anchors, boxes = grid_boxes(12, generator=generator), grid_boxes(3, 5, generator=generator)
    labels = torch.randint(-1, 3, (3, 5), generator=generator)
    threshold = (0.25, 0.5, 1.0)[seed % 3]
    assert torch.equal(match(anchors, boxes, labels, threshold), naive_match(anchors, boxes, labels, threshold))


def _corners(*shape: int) -> st.SearchStrategy[np.ndarray]:
    """Pairs of points; few different values, so that copies, equal overlaps and empty boxes are common."""
    return arrays(np.float32, (*shape, 2, 2), elements=st.sampled_from([0, 1, 2, 3, 5, 8, 8.5, 1e4]))


@pytest.mark.slow
@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(data=st.data(), sizes=st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 5)))
def test_equals_the_naive_loops_on_whatever_comes(data: st.DataObject, sizes: tuple[int, int, int]):
    batch, anchors, truths = sizes
    corners = torch.from_numpy(data.draw(_corners(anchors))), torch.from_numpy(data.draw(_corners(batch, truths)))
    upright = [torch.cat([each.amin(dim=-2), each.amax(dim=-2)], dim=-1) for each in corners]
    labels = torch.from_numpy(data.draw(arrays(np.int64, (batch, truths), elements=st.integers(-2, 3))))
    threshold = data.draw(st.sampled_from([0.125, 0.25, 0.5, 0.75, 1.0]))
    matches = match(upright[0], upright[1], labels, threshold)
    expected = naive_match(upright[0], upright[1], labels, threshold) if anchors else matches
    assert matches.shape == (batch, anchors) and torch.equal(matches, expected)


def test_neither_order_of_padding_nor_other_images_change_a_match():
    generator = torch.Generator().manual_seed(0)
    anchors, boxes = grid_boxes(20, generator=generator), grid_boxes(4, 3, generator=generator)
    labels = torch.zeros(4, 3, dtype=torch.int64)
    together = match(anchors, boxes, labels, 0.5)
    padded = match(anchors, torch.cat([boxes, boxes], 1), torch.cat([labels, labels - 1], 1), 0.5)
    alone = torch.cat([match(anchors, boxes[i : i + 1], labels[i : i + 1], 0.5) for i in range(4)])
    assert torch.equal(together, padded)
    assert torch.equal(together, alone)


def test_never_reads_a_value_on_the_host():
    """Meta tensors hold no values: whatever asks for one, or for a shape that depends on one, raises."""
    with torch.device("meta"):
        assert match(torch.rand(9, 4), torch.rand(2, 3, 4), torch.zeros(2, 3, dtype=torch.int64), 0.5).shape == (2, 9)


@pytest.mark.slow
def test_compiles_into_one_graph(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # the shape checks themselves do not compile
    generator = torch.Generator().manual_seed(1)
    compiled = torch.compile(match, backend="aot_eager", fullgraph=True)
    for truths in (0, 1, 4, 6):
        anchors, boxes = grid_boxes(15, generator=generator), grid_boxes(2, truths, generator=generator)
        labels = torch.randint(-1, 3, (2, truths), generator=generator)
        assert torch.equal(compiled(anchors, boxes, labels, 0.5), match(anchors, boxes, labels, 0.5))


def test_what_overlaps_an_ignored_object_is_no_background():
    anchors = torch.tensor([[0.0, 0.0, 4.0, 4.0], [10.0, 0.0, 14.0, 4.0], [20.0, 0.0, 24.0, 4.0], [30.0, 0, 31, 1]])
    boxes = torch.stack([anchors[0], anchors[0], anchors[1] + 0.5, anchors[3] * 1.01])[None]
    labels = torch.tensor([[2, -2, -2, -1]])
    assert match(anchors, boxes, labels, 0.5).tolist() == [[0, -2, -1, -1]]
    assert match(anchors, boxes, labels, 0.9).tolist() == [[0, -1, -1, -1]]
