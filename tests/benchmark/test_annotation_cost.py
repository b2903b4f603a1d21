"""Annotations of COCO's size: their cost in the main process and in forked workers."""

import os
from pathlib import Path

import pytest

from lightweight_ssd.benchmark.annotation_cost import Growth, in_fresh_process, measure_growth, measure_reading
from lightweight_ssd.benchmark.process_memory import Memory
from lightweight_ssd.benchmark.synthetic_coco import generate_coco


def test_copies_of_shared_pages_count_as_growth() -> None:
    growth = Growth(Memory(100, 10), Memory(100, 30))
    assert (growth.gained, growth.share) == (20, 0.2)


@pytest.mark.slow
def test_coco_2017_is_held_in_little_memory_and_does_not_grow_in_workers(tmp_path: Path) -> None:
    made = generate_coco(tmp_path / "coco", 118_000, points=3)
    assert made.object_count == 860_000
    where = (made.annotations, made.images, tmp_path / "cache")
    try:
        from_json, from_cache = in_fresh_process(measure_reading, *where), in_fresh_process(measure_reading, *where)
        growth = in_fresh_process(measure_growth, *where, 4)
    finally:
        made.annotations.unlink()  # 180 MB that a passed test does not need
    arrays = 860_000 * 30 + 118_000 * 32  # bytes, without paths
    is_mapped = os.major(tmp_path.stat().st_dev) != 0  # it is where the file lies on a disk of this machine
    assert 860_000 * 8 < from_cache.held < arrays * (0.5 if is_mapped else 2)  # the check looks at labels only
    assert from_cache.held < from_json.held < 150e6
    assert growth.early.unique > 0 and growth.early.resident > 4 * growth.early.unique  # workers share
    assert growth.share < 0.05
    assert growth.gained < arrays  # all four together: not a single copy of the annotations
