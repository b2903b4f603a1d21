"""Which proposals are drawn: how many of which, at random, and always the same for a seed."""

import pytest
import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode

from lightweight_ssd.detector.drawing import Drawing
from lightweight_ssd.matching.proposals import ProposalMatcher

OBJECT = torch.tensor([10.0, 10.0, 50.0, 50.0])
SEED = torch.tensor(1)


def proposals(on_object: int, elsewhere: int, padding: int = 4) -> Tensor:
    """(1, N, 4), all different."""
    shift = torch.arange(on_object)[:, None] * 0.01
    away = torch.tensor([100.0, 100.0, 130.0, 120.0]) + torch.arange(elsewhere)[:, None]
    return torch.cat([OBJECT + 1 + shift, away, torch.zeros(padding, 4)])[None]


def drawn(on_object: int, elsewhere: int, seed: Tensor = SEED, **settings: float) -> Tensor:
    drawing = Drawing(ProposalMatcher(), **{"number": 16, "object_share": 0.25, **settings})  # pyright: ignore[reportArgumentType]
    return drawing(proposals(on_object, elsewhere), OBJECT[None, None], torch.tensor([[2]]), seed)


def counts(boxes: Tensor) -> tuple[int, int, int]:
    """On the object, background, padding."""
    matches = ProposalMatcher()(boxes, OBJECT[None, None], torch.tensor([[2]]))
    return tuple(int((matches == kind).sum()) for kind in (0, -1, -2))  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize(
    ("on_object", "elsewhere", "expected"),
    [(9, 50, (4, 12, 0)), (1, 50, (2, 14, 0)), (0, 50, (1, 15, 0)), (9, 5, (4, 5, 7)), (2, 3, (3, 3, 4))],
)
def test_a_quarter_at_most_are_objects_and_background_is_the_rest(
    on_object: int, elsewhere: int, expected: tuple[int, int, int]
) -> None:
    """The object itself is a proposal, too; where there is not enough, the rest is padding."""
    boxes = drawn(on_object, elsewhere)
    assert counts(boxes) == expected
    assert boxes.shape == (1, min(16, on_object + elsewhere + 4 + 1), 4)


def test_they_are_drawn_at_random_by_the_seed_alone() -> None:
    first, again, other = (drawn(9, 50, torch.tensor(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    seen = torch.cat([drawn(0, 50, torch.tensor(seed))[0] for seed in range(60)]).unique(dim=0)
    assert len(seen) == 51, "every proposal has its turn"


def test_each_image_draws_of_its_own() -> None:
    both, boxes = proposals(3, 60).expand(2, -1, -1), OBJECT.expand(2, 1, 4)
    found = Drawing(ProposalMatcher(), 16)(both, boxes, torch.tensor([[2], [-1]]), SEED)
    assert not torch.equal(found[0], found[1])
    assert not (found[1] == OBJECT).all(dim=1).any(), "padding is no proposal"


def test_an_ignored_object_is_neither_proposed_nor_background() -> None:
    found = Drawing(ProposalMatcher(), 100)(proposals(5, 6), OBJECT[None, None], torch.tensor([[-2]]), SEED)
    assert counts(found) == (0, 6, 10)


def test_images_without_objects_draw_background() -> None:
    found = Drawing(ProposalMatcher(), 16)(proposals(2, 30), torch.zeros(1, 0, 4), torch.zeros(1, 0).long(), SEED)
    assert (found[..., 2] > found[..., 0]).sum() == 16


def test_no_value_is_read_on_the_host() -> None:
    with FakeTensorMode():
        boxes, labels = torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.int64)
        found = Drawing(ProposalMatcher(), 16)(torch.zeros(2, 30, 4), boxes, labels, torch.zeros((), dtype=torch.int64))
    assert found.shape == (2, 16, 4)


@pytest.mark.parametrize("settings", [{"number": 0}, {"object_share": -0.1}, {"object_share": 1.5}])
def test_settings_out_of_range(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"Expected detector\.draw\.number of at least 1 and object_share from 0 to 1"):
        drawn(1, 1, SEED, **settings)
