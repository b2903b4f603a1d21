"""How many images a forward pass takes, and how many passes make an optimizer step. Loads no PyTorch.

`batch_size` counts the images of a pass over all devices, `trainer.accumulate_grad_batches` the passes of a step. A
step of 126 images in three passes of 42 has the gradient of one pass of 126, but BatchNorm sees 42 images at a time.
"""

from typing import NamedTuple

from omegaconf import DictConfig

from lightweight_ssd.config.settings import changed

__all__ = ["AUTO", "BATCH_VARIABLE", "BatchSplit", "given_split", "split", "undivided", "with_split"]

AUTO = "auto"
BATCH_VARIABLE = "LSSD_BATCH_SIZE"
"""Environment variable by which the processes of a run, and the run of a sweep's job, get one batch."""


class BatchSplit(NamedTuple):
    """A step of `passes` times `images`, over all devices.

    Attributes:
        images: Of a forward pass; the setting `batch_size`.
        passes: Of an optimizer step; the setting `trainer.accumulate_grad_batches`.
    """

    images: int
    passes: int = 1

    @property
    def total(self) -> int:
        """Images of an optimizer step."""
        return self.images * self.passes

    def __str__(self) -> str:
        return f"{self.images}x{self.passes}"

    @classmethod
    def parse(cls, text: str) -> "BatchSplit":
        """The split that `str` made a text of, for an environment variable.

        Example:
            >>> BatchSplit.parse("42x3")
            BatchSplit(images=42, passes=3)
        """
        images, passes = text.split("x")
        return cls(int(images), int(passes))


def split(total: int, most: int, devices: int = 1) -> BatchSplit:
    """Splits a step into the fewest equal passes that fit.

    Equal passes of the same total are preferred, even if there are up to twice as many of them: 126 images of which 40
    fit become 6 passes of 21. Where there are none, the total is rounded up.

    Args:
        total: Images of the step.
        most: Images of a pass that fit, over all devices; at least `devices`.
        devices: Every pass is shared equally among them.

    Example:
        >>> split(126, 40), split(126, 200), split(127, 40), split(126, 100, devices=4)
        (BatchSplit(images=21, passes=6), BatchSplit(images=126, passes=1), BatchSplit(images=32, passes=4), \
BatchSplit(images=64, passes=2))
    """
    wanted, room = -(-total // devices), most // devices  # images of a device
    fewest = -(-wanted // room)
    equal = (passes for passes in range(fewest, min(2 * fewest, wanted) + 1) if wanted % passes == 0)
    passes = next(equal, fewest)
    return BatchSplit(-(-wanted // passes) * devices, passes)


def given_split(cfg: DictConfig) -> BatchSplit | None:
    """The split that the configuration gives without a look at the memory; None where that is to decide.

    Args:
        cfg: Of `lssd train`.

    Raises:
        ValueError: One of the two settings is neither a whole number of at least 1 nor `auto`.
    """
    batch_size = _count("batch_size", cfg.batch_size)
    passes = _count("trainer.accumulate_grad_batches", cfg.trainer.accumulate_grad_batches)
    if isinstance(batch_size, int):
        return BatchSplit(batch_size, -(-cfg.reference_batch // batch_size) if passes == AUTO else int(passes or 1))
    if batch_size is None and isinstance(passes, int) and passes > 1:
        return BatchSplit(-(-cfg.reference_batch // passes), passes)
    return None


def undivided(cfg: DictConfig) -> DictConfig:
    """A copy with `reference_batch` images in one pass unless the configuration gives a split.

    The jobs of a sweep use it: they can only be compared if all have the same batch.
    """
    return with_split(cfg, given_split(cfg) or BatchSplit(cfg.reference_batch))


def with_split(cfg: DictConfig, batch: BatchSplit) -> DictConfig:
    """A copy that says the split in numbers, as part of what the run computes."""
    return changed(cfg, batch_size=batch.images, trainer={"accumulate_grad_batches": batch.passes})


def _count(key: str, value: object) -> int | str | None:
    if value in (None, AUTO) or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value  # pyright: ignore[reportReturnType]
    raise ValueError(f"Expected {key} to be a whole number of at least 1 or auto, but got {value}.")
