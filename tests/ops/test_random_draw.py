"""Keys from a hash: evenly spread, the same for a seed, others for another; and what is drawn by them."""

import torch

from lightweight_ssd.ops.random_draw import first_of, random_keys


def test_keys_are_evenly_spread_and_independent_of_their_neighbors() -> None:
    keys = random_keys(torch.tensor(7), 100, 1000)
    assert keys.dtype == torch.float32 and keys.shape == (100, 1000)
    assert keys.min() >= 0 and keys.max() < 1
    counts = torch.histc(keys, bins=20, min=0, max=1)
    assert ((counts - 5000).abs() < 350).all()  # five standard deviations
    deviations = (keys - keys.mean()).flatten()
    for lag in (1, 2, 1000):
        correlation = (deviations[:-lag] * deviations[lag:]).mean() / deviations.square().mean()
        assert abs(correlation.item()) < 0.015


def test_a_seed_gives_its_keys_and_the_next_one_others() -> None:
    first, again, other = (random_keys(torch.tensor(seed), 4, 500) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert abs(torch.corrcoef(torch.stack([first.flatten(), other.flatten()]))[0, 1].item()) < 0.1
    assert (first == other).float().mean() < 0.01


def test_seeds_beyond_32_bits_are_taken() -> None:
    assert random_keys(torch.tensor(2**40 + 5), 1, 9).isfinite().all()


def test_the_lowest_keys_are_taken_and_no_more_than_there_are() -> None:
    among = torch.tensor([[True, True, False, True], [False, False, False, True]])
    keys = torch.tensor([[0.3, 0.1, 0.0, 0.2], [0.5, 0.1, 0.2, 0.9]])
    assert first_of(among, keys, 2).tolist() == [[False, True, False, True], [False, False, False, True]]
    assert not first_of(among, keys, 0).any()
    each = first_of(among, keys, torch.tensor([[1], [3]]))
    assert each.tolist() == [[False, True, False, False], [False, False, False, True]]


def test_equal_keys_are_taken_in_their_order() -> None:
    assert first_of(torch.ones(1, 4, dtype=torch.bool), torch.zeros(1, 4), 2).tolist() == [[True, True, False, False]]
