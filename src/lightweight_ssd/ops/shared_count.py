"""What sums of losses are divided by, so that several processes together step as one with all of their images would."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, distributed

__all__ = ["shared_count"]


@torch.no_grad()
def shared_count(count: Int[Tensor, ""], among_ranks: bool) -> Float[Tensor, ""]:
    """The divisor of this process's sum of losses: the count, at least 1.

    Among ranks it is the count over all of them divided by their number: the averaging of the gradients then gives
    the sum over all ranks divided by the count over all ranks, as one process with the whole batch would.

    Args:
        count: Of this process, such as its matched anchors.
        among_ranks: True in a training step, which all ranks take together. In a validation ranks may have different
            numbers of batches, and a collective operation would then never return.

    Example:
        >>> shared_count(torch.tensor(0), among_ranks=True)
        tensor(1.)
    """
    count, ranks = count.clone(), 1
    if among_ranks and distributed.is_available() and distributed.is_initialized():
        distributed.all_reduce(count)
        ranks = distributed.get_world_size()
    return count.clamp(min=1) / ranks
