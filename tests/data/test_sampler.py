import itertools

import pytest

from lightweight_ssd.data.sampler import NEAR, EpochSampler
from lightweight_ssd.types import SampleKey


def indices(sampler: EpochSampler) -> list[int]:
    return [key.index for key in sampler]


@pytest.mark.parametrize("counts", [{"size": 0}, {"batch_size": 0}, {"world_size": 0}])
def test_empty_counts_are_refused(counts):
    with pytest.raises(ValueError, match="at least one image"):
        EpochSampler(**{"size": 3, "batch_size": 2, **counts})


@pytest.mark.parametrize("wrong", [{"rank": 2, "world_size": 2}, {"rank": -1}, {"seed": -1}, {"epoch": -1}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match="Expected rank in 0 to"):
        EpochSampler(size=3, batch_size=2, **wrong)


@pytest.mark.slow
def test_one_image_serves_every_rank():
    for shuffle in (True, False):
        assert [indices(EpochSampler(1, 1, rank=rank, world_size=3, shuffle=shuffle)) for rank in range(3)] == [[0]] * 3


def test_an_epoch_is_a_permutation_that_depends_on_seed_and_epoch_only():
    first = indices(EpochSampler(50, 10, seed=3))
    assert sorted(first) == list(range(50))
    assert first == indices(EpochSampler(50, 10, seed=3))
    assert first != indices(EpochSampler(50, 10, seed=3, epoch=1))
    assert first != indices(EpochSampler(50, 10, seed=4))
    assert first == indices(EpochSampler(50, 5, seed=3)), "the batch size must not change the order"


def test_positions_number_the_epoch():
    keys = list(EpochSampler(7, 2, seed=1, epoch=4, drop_last=False))
    assert [key.position for key in keys] == list(range(8))
    assert {key.epoch for key in keys} == {4}
    assert keys[7].index == keys[0].index, "the incomplete batch is completed from the start of the order"
    assert isinstance(keys[0], SampleKey)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "shuffle", "drop_last"), itertools.product((1, 5, 12, 13, 17, 24), (True, False), (True, False))
)
def test_ranks_together_see_what_one_process_sees(size, shuffle, drop_last):
    batch, world = 2, 3
    single = list(EpochSampler(size, batch * world, seed=5, shuffle=shuffle, drop_last=drop_last))
    ranks = [list(EpochSampler(size, batch, 5, rank, world, shuffle, drop_last)) for rank in range(world)]
    assert len({len(keys) for keys in ranks}) == 1
    for step in range(0, max(len(keys) for keys in ranks), batch):
        together = {key for keys in ranks for key in keys[step : step + batch]}
        alone = set(single[step * world : (step + batch) * world])
        assert alone <= together
        assert {key.index for key in together} == {key.index for key in alone} or not shuffle
    assert {key.index for keys in ranks for key in keys} == {key.index for key in single}


@pytest.mark.parametrize("world", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [1, 2, 5, 8, 9])
def test_evaluation_sees_every_image_and_repeats_as_few_as_it_can(size, world):
    seen = [key for rank in range(world) for key in EpochSampler(size, 2, 0, rank, world, shuffle=False)]
    assert {key.index for key in seen} == set(range(size))
    assert len(seen) == -(-size // world) * world
    assert len({key.position for key in seen}) == len(seen)


@pytest.mark.parametrize(("size", "expected"), [(8, 8), (11, 8), (3, 4), (4, 4)])
def test_the_incomplete_batch_is_dropped_unless_it_is_the_only_one(size, expected):
    sampler = EpochSampler(size, 4, drop_last=True)
    assert len(sampler) == len(list(sampler)) == expected


def test_a_restart_in_the_middle_continues_the_epoch_and_only_that():
    whole = EpochSampler(20, 3, seed=2, epoch=6, rank=1, world_size=2)
    resumed = EpochSampler(20, 3, seed=2, epoch=6, rank=1, world_size=2, start_batch=2)
    assert list(resumed) == list(whole)[6:]
    assert len(resumed) == len(whole), "the length is that of the whole epoch"
    resumed.set_epoch(6)
    assert list(resumed) == list(whole)[6:]
    resumed.set_epoch(7)
    whole.set_epoch(7)
    assert list(resumed) == list(whole)
    assert list(EpochSampler(20, 3, start_batch=99)) == []


@pytest.mark.parametrize("size", [1, 5, NEAR, NEAR + 1, 3 * NEAR + 7])
@pytest.mark.parametrize("shuffle", [True, False])
def test_near_are_the_images_of_one_block_of_the_order(size, shuffle):
    keys = list(EpochSampler(size, 4, seed=2, shuffle=shuffle))
    order = [key.index for key in keys[:size]]
    for key in keys:
        assert key.index in key.near and len(set(key.near)) == len(key.near) == min(size, NEAR)
        start = order.index(key.near[0])
        assert list(key.near) == order[start : start + NEAR]
        assert start % NEAR == 0 or start == size - NEAR
    assert set(itertools.chain(*(key.near for key in keys))) == set(range(size))


def test_near_depends_on_the_position_alone():
    whole = {key.position: key.near for key in EpochSampler(50, 8, seed=3, epoch=2)}
    for sampler in (
        EpochSampler(50, 3, seed=3, epoch=2),
        EpochSampler(50, 4, seed=3, epoch=2, rank=1, world_size=2),
        EpochSampler(50, 8, seed=3, epoch=2, start_batch=2),
    ):
        assert all(key.near == whole[key.position] for key in sampler if key.position in whole)
