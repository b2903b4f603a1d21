"""Sampled cross-entropy: how many of which are drawn, what each costs, and that draws go on after a stop."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from lightweight_ssd.classification.sampled import SampledLoss


def labels_of(objects: int, background: int, ignored: int = 7) -> Tensor:
    return torch.cat([torch.zeros(objects), torch.full((background,), -1), torch.full((ignored,), -2)]).long()[None]


@pytest.mark.parametrize(
    ("objects", "background", "drawn"),
    [(3, 100, (3, 17)), (50, 100, (10, 10)), (0, 100, (0, 20)), (4, 2, (4, 2)), (30, 2, (10, 2))],
)
def test_half_at_most_are_objects_and_background_makes_up_the_rest(
    objects: int, background: int, drawn: tuple[int, int]
) -> None:
    labels = labels_of(objects, background)
    loss = SampledLoss(number=20, object_share=0.5)(torch.zeros(1, labels.shape[1], 1), labels)
    assert ((loss[labels >= 0] > 0).sum().item(), (loss[labels == -1] > 0).sum().item()) == drawn
    assert not loss[labels == -2].any()


def test_what_is_drawn_costs_its_cross_entropy() -> None:
    labels, logits = labels_of(2, 30), torch.randn(1, 39, 3, generator=torch.Generator().manual_seed(0))
    loss = SampledLoss(number=8)(logits, labels)
    target = torch.zeros(1, 39, 3)
    target[0, :2, 0] = 1
    each = binary_cross_entropy_with_logits(logits, target, reduction="none").sum(-1)
    assert (loss > 0).sum() == 8
    torch.testing.assert_close(loss[loss > 0], each[loss > 0])


def test_every_background_anchor_has_its_turn() -> None:
    sampled, labels = SampledLoss(number=10), labels_of(0, 50).expand(2, -1)
    counts = sum((sampled(torch.zeros(2, 57, 1), labels) > 0).long() for _ in range(500))
    assert isinstance(counts, Tensor)
    assert counts[:, :50].float().mean() == 100 and (counts[:, :50] > 60).all() and (counts[:, :50] < 140).all()


def test_draws_differ_in_training_go_on_from_a_checkpoint_and_stay_in_evaluation() -> None:
    sampled, labels, logits = SampledLoss(number=10), labels_of(0, 50), torch.zeros(1, 57, 1)
    first, second = sampled(logits, labels), sampled(logits, labels)
    state, third = {name: value.clone() for name, value in sampled.state_dict().items()}, sampled(logits, labels)
    assert not torch.equal(first, second) and not torch.equal(second, third)
    resumed = SampledLoss(number=10)
    resumed.load_state_dict(state)
    assert torch.equal(resumed(logits, labels), third)
    sampled.eval()
    assert torch.equal(sampled(logits, labels), sampled(logits, labels))
    assert sampled.draws == 3


@pytest.mark.parametrize(("settings", "message"), [({"number": 0}, "number"), ({"object_share": 1.1}, "object_share")])
def test_settings_out_of_range(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"Expected {message}"):
        SampledLoss(**settings)
