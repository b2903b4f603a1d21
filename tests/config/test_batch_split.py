"""A step is split into the fewest equal passes that fit, and what is given as a number stays."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.config.batch_split import BatchSplit, given_split, split, undivided, with_split


@given(total=st.integers(1, 600), most=st.integers(1, 700), devices=st.integers(1, 8))
def test_a_step_is_split_into_passes_that_fit(total: int, most: int, devices: int):
    most = max(most, devices)
    found = split(total, most, devices)
    assert found.images <= most and found.images % devices == 0
    fewest = ceil(ceil(total / devices) / (most // devices))
    assert fewest <= found.passes <= 2 * fewest
    assert total <= found.total < total + devices * (found.passes + 1)


@pytest.mark.parametrize(
    ("most", "images", "passes"),
    [(126, 126, 1), (125, 63, 2), (62, 42, 3), (41, 21, 6), (20, 18, 7), (8, 7, 18), (2, 2, 63), (1, 1, 126)],
)
def test_the_papers_batch_is_split_into_equal_parts(most: int, images: int, passes: int):
    assert split(126, most) == BatchSplit(images, passes)


def _cfg(batch_size: object = None, passes: object = 1) -> DictConfig:
    return OmegaConf.create(
        {"batch_size": batch_size, "reference_batch": 126, "trainer": {"accumulate_grad_batches": passes}}
    )


@pytest.mark.parametrize(
    ("batch_size", "passes", "given"),
    [
        (16, 1, BatchSplit(16, 1)),
        (16, 2, BatchSplit(16, 2)),
        (42, "auto", BatchSplit(42, 3)),
        (20, "auto", BatchSplit(20, 7)),
        (200, "auto", BatchSplit(200, 1)),
        (None, 3, BatchSplit(42, 3)),
        (None, 1, None),
        (None, "auto", None),
        ("auto", 1, None),
        ("auto", "auto", None),
    ],
)
def test_what_the_configuration_gives(batch_size: object, passes: object, given: BatchSplit | None):
    assert given_split(_cfg(batch_size, passes)) == given


@pytest.mark.parametrize(
    ("batch_size", "passes", "said"),
    [
        ("four", 1, "Expected batch_size to be a whole number of at least 1 or auto, but got four."),
        (0, 1, "Expected batch_size to be a whole number of at least 1 or auto, but got 0."),
        (1.5, 1, "Expected batch_size .* but got 1.5."),
        (
            8,
            "all",
            r"Expected trainer\.accumulate_grad_batches to be a whole number .* but got all",
        ),
        (8, -1, r"Expected trainer\.accumulate_grad_batches .* but got -1"),
    ],
)
def test_what_is_no_batch_is_said(batch_size: object, passes: object, said: str):
    with pytest.raises(ValueError, match=said):
        given_split(_cfg(batch_size, passes))


def test_jobs_of_a_sweep_take_the_step_in_one_pass():
    cfg = undivided(_cfg())
    assert (cfg.batch_size, cfg.trainer.accumulate_grad_batches) == (126, 1)
    cfg = undivided(_cfg(8, 2))
    assert (cfg.batch_size, cfg.trainer.accumulate_grad_batches) == (8, 2)


def test_a_split_goes_through_a_text():
    split = BatchSplit(42, 3)
    assert BatchSplit.parse(str(split)) == split
    cfg = with_split(_cfg(), split)
    assert given_split(cfg) == split
