"""What sums of losses are divided by, alone; two processes are in `tests/criterion/test_ssd.py`."""

import pytest
import torch

from lightweight_ssd.ops.shared_count import shared_count


@pytest.mark.parametrize("among_ranks", [True, False])
@pytest.mark.parametrize(("count", "divisor"), [(0, 1.0), (1, 1.0), (7, 7.0)])
def test_one_process_divides_by_its_own_count_or_one(count: int, divisor: float, among_ranks: bool) -> None:
    counted = torch.tensor(count)
    assert shared_count(counted, among_ranks).item() == divisor
    assert counted.item() == count, "it is not changed"
