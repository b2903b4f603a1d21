"""Orders the images of an epoch over all ranks, so that any rank and any restart knows its part without asking."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int64
from torch.utils.data import Sampler

from lightweight_ssd.types import SampleKey

__all__ = ["NEAR", "EpochSampler"]

NEAR = 16
"""Images in whose company each is read (`SampleKey.near`): so many that follow each other in the order of the epoch."""


class EpochSampler(Sampler[SampleKey]):
    """Yields the sample keys of one rank, batch by batch, for a loader of the same batch size.

    An epoch's order is one permutation, the same on every rank. Global batch k holds the positions k·B·W to
    (k+1)·B·W − 1 of it, for B images per rank and W ranks, and rank r takes the r-th B of these: all ranks
    together see in each step what one process with a batch of B·W would see.

    The order is cut into blocks of `NEAR` images, which each key of a block names (`SampleKey.near`), whatever the
    batch, the rank and the restart.

    The last, incomplete global batch is completed from the start of the order while shuffling, or dropped. Without
    shuffling only so many images repeat that every rank gets equally many (none on one rank); whoever computes a
    metric drops the repeated by image id.

    Args:
        size: Number of images, at least 1.
        batch_size: Images per rank and step.
        seed: With the epoch, the seed of the order; at least 0.
        rank: This process, from 0.
        world_size: Number of processes.
        shuffle: Permute the images, differently in every epoch.
        drop_last: Leave out the incomplete last global batch, unless it is the only one.
        passes: With `drop_last`, leave out the global batches at the end that do not make so many, unless they are all:
            the optimizer steps that accumulate the gradients of so many batches then see the same images as steps of
            one larger batch.
        start_batch: First batch of this rank to yield in the current epoch, after a restart in the middle of it.
        epoch: From 0.

    Raises:
        ValueError: If a count is not positive or the rank is not one of `world_size`.

    Example:
        >>> [key.index for key in EpochSampler(5, 2, seed=0, shuffle=False)]
        [0, 1, 2, 3, 4]
        >>> [key.index for key in EpochSampler(5, 2, seed=0, rank=1, world_size=2, shuffle=False)]
        [2, 3, 0]
    """

    def __init__(
        self,
        size: int,
        batch_size: int,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        shuffle: bool = True,
        drop_last: bool = False,
        passes: int = 1,
        start_batch: int = 0,
        epoch: int = 0,
    ) -> None:
        if min(size, batch_size, world_size, passes) < 1:
            raise ValueError(
                f"Expected at least one image, one image per batch and one rank, but got size={size}, "
                f"batch_size={batch_size}, world_size={world_size}; an empty split cannot be loaded."
            )
        if not 0 <= rank < world_size or min(seed, start_batch, epoch) < 0:
            raise ValueError(
                f"Expected rank in 0 to {world_size - 1} and seed, start_batch, epoch of at least 0, "
                f"but got {rank} and {seed}, {start_batch}, {epoch}."
            )
        self.size = size
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.passes = passes
        self.start_batch = start_batch
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        """Moves to an epoch; a different one starts at its first batch."""
        if epoch != self.epoch:
            self.start_batch = 0
        self.epoch = epoch

    def __len__(self) -> int:
        """Samples of a whole epoch on this rank, whatever `start_batch` skips."""
        return len(self._positions())

    def __iter__(self) -> Iterator[SampleKey]:
        order = self._order().tolist()
        start, near = -1, ()
        for position in self._positions()[self.start_batch * self.batch_size :].tolist():
            place = position % self.size
            block = max(0, min(place - place % NEAR, self.size - NEAR))  # the last block has as many as the others
            if block != start:
                start, near = block, tuple(order[block : block + NEAR])
            yield SampleKey(self.epoch, position, order[place], near)

    def _order(self) -> Int64[np.ndarray, " S"]:
        if not self.shuffle:
            return np.arange(self.size)
        # The spawn key keeps this stream apart from those of the samples, which start from (seed, epoch, position).
        seed = np.random.SeedSequence((self.seed, self.epoch), spawn_key=(0,))
        return np.random.default_rng(seed).permutation(self.size)

    def _positions(self) -> Int64[np.ndarray, " K"]:
        """Positions of this rank in the epoch's order; those past its end stand for a second round."""
        step = self.batch_size * self.world_size
        full, rest = divmod(self.size, step)
        if self.drop_last and full > self.passes:
            full -= full % self.passes
        starts = np.arange(full)[:, None] * step + self.rank * self.batch_size
        positions = (starts + np.arange(self.batch_size)).ravel()
        if rest == 0 or (self.drop_last and full):
            return positions
        share = self.batch_size if self.shuffle else -(-rest // self.world_size)
        return np.concatenate([positions, full * step + self.rank * share + np.arange(share)])
