"""The rate at every step against the formula written out."""

import math

import pytest

from lightweight_ssd.training.schedule import WarmupCosine


def test_paper_schedule() -> None:
    """Section 4.3: from 0.0333 to 0.1 in the warm-up, then half a cosine to zero at step 500,000."""
    schedule, total = WarmupCosine(), 500_000
    assert schedule.factor(0, total) == pytest.approx(0.333)
    assert schedule.factor(1000, total) == pytest.approx((0.333 + 1) / 2)
    assert schedule.factor(2000, total) == 1
    assert schedule.factor(251_000, total) == pytest.approx(0.5)
    assert schedule.factor(500_000, total) == pytest.approx(0, abs=1e-12)


def test_never_leaves_its_range_and_stays_at_the_end() -> None:
    schedule = WarmupCosine(warmup_steps=7, final_ratio=0.05)
    factors = [schedule.factor(step, 100) for step in range(130)]
    assert all(0.05 <= factor <= 1 for factor in factors)
    assert factors[100:] == [0.05] * 30


@pytest.mark.parametrize("total", [0, 1, 2, 15])
def test_short_trainings_are_not_all_warm_up(total: int) -> None:
    schedule = WarmupCosine(warmup_steps=2000, max_warmup_share=0.1)
    assert schedule.warmup_length(total) <= total * 0.1
    assert all(math.isfinite(schedule.factor(step, total)) for step in range(total + 1))


def test_refuses_what_is_no_share() -> None:
    with pytest.raises(ValueError, match="within 0 to 1"):
        WarmupCosine(warmup_ratio=33.3)
