"""Drawing at random on the device, the same on every one: from a seed that is a tensor, without a generator.

A generator would have to be stored in every checkpoint, on each device its own, for a resumed run to go on like one
that was not stopped. A count of the steps is stored with the weights anyway, and hashed it is as good as chance.
The keys depend on this count alone, not on a run's `seed`: the runs of all seeds have the same keys at the same step.
"""

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

__all__ = ["first_of", "random_keys"]

_WORD = 0xFFFFFFFF  # 32 bits
_FACTORS = (0x7FEB352D, 0x846CA68B)


def random_keys(seed: Int64[Tensor, ""], rows: int, columns: int) -> Float32[Tensor, "R C"]:
    """Numbers from 0 to below 1, evenly distributed; the same for the same seed on every device.

    Args:
        seed: Whole number, on the device of the result.
        rows: Number of rows.
        columns: Number of columns.

    Example:
        >>> random_keys(torch.tensor(3), 2, 2).tolist() == random_keys(torch.tensor(3), 2, 2).tolist()
        True

    Source: the hash of 32-bit integers named "lowbias32" (Wellons, 2018).
    """
    place = torch.arange(rows * columns, device=seed.device).view(rows, columns)
    return (_hashed(place + _hashed(seed)) >> 8).float() / 2**24  # a float32 has 24 bits


def _hashed(values: Int64[Tensor, "*shape"]) -> Int64[Tensor, "*shape"]:
    values = values & _WORD
    for factor, shift in zip(_FACTORS, (16, 15), strict=True):
        values = ((values ^ (values >> shift)) * factor) & _WORD  # the product's lower half, overflow or not
    return values ^ (values >> 16)


def first_of(
    among: Bool[Tensor, "B N"], keys: Float32[Tensor, "B N"], count: int | Int64[Tensor, "B 1"]
) -> Bool[Tensor, "B N"]:
    """Of each row's marked places those with the lowest keys; all of them where there are no more than the count.

    Args:
        among: The places that may be taken.
        keys: Below 1.
        count: How many at most, the same for all rows or each row's own.

    Example:
        >>> first_of(torch.tensor([[True, False, True]]), torch.tensor([[0.5, 0.1, 0.2]]), 1)
        tensor([[False, False,  True]])
    """
    order = torch.where(among, keys, 1.0).argsort(dim=1, stable=True)
    return among & (order.argsort(dim=1) < count)
