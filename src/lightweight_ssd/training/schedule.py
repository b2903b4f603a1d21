"""The learning rate as a pure function of the step: a resumed run needs only the step's number to continue exactly."""

import math

__all__ = ["WarmupCosine"]


class WarmupCosine:
    """A linear warm-up, then half a cosine down to zero.

    With warm-up length `w`, total `T` and warm-up start `r`, the factor on the base rate at step `t` is

        r + (1 − r) · t / w                       for t < w
        (1 + cos(π · (t − w) / (T − w))) / 2      from then on.

    Args:
        warmup_steps: Length of the warm-up in optimiser steps, ≥ 0.
        warmup_ratio: Factor on the base rate at step 0, 0 to 1.
        max_warmup_share: The warm-up takes at most this share of all steps, 0 to 1: a short run is not all warm-up.
        final_ratio: Factor at the last step, 0 to 1.

    Source: section 4.3 (cosine decay from 0.1, warm-up from 0.0333). The length of the warm-up is not printed; the
    cosine starts at its end, as in the framework that the paper quotes. Deviation: the cap on the warm-up's share,
    which at the paper's 500,000 steps changes nothing.
    """

    def __init__(
        self,
        warmup_steps: int = 2000,
        warmup_ratio: float = 0.333,
        max_warmup_share: float = 0.1,
        final_ratio: float = 0.0,
    ) -> None:
        if warmup_steps < 0 or not all(0 <= value <= 1 for value in (warmup_ratio, max_warmup_share, final_ratio)):
            raise ValueError(
                "Expected schedule.warmup_steps >= 0 and warmup_ratio, max_warmup_share and final_ratio within 0 to 1, "
                f"but got {warmup_steps}, {warmup_ratio}, {max_warmup_share} and {final_ratio}."
            )
        self.warmup_steps = warmup_steps
        self.warmup_ratio = warmup_ratio
        self.max_warmup_share = max_warmup_share
        self.final_ratio = final_ratio

    def warmup_length(self, total_steps: int) -> int:
        """Steps that the warm-up takes in a training of `total_steps`."""
        return min(self.warmup_steps, int(total_steps * self.max_warmup_share))

    def factor(self, step: int, total_steps: int) -> float:
        """Factor on the base rate at `step` (from 0) of `total_steps`.

        Example:
            >>> schedule = WarmupCosine(warmup_steps=10, warmup_ratio=0.5, max_warmup_share=0.5)
            >>> [round(schedule.factor(step, 110), 3) for step in (0, 5, 10, 60, 110)]
            [0.5, 0.75, 1.0, 0.5, 0.0]
        """
        warmup = self.warmup_length(total_steps)
        if step < warmup:
            return self.warmup_ratio + (1 - self.warmup_ratio) * step / warmup
        progress = min(1.0, (step - warmup) / max(1, total_steps - warmup))
        return self.final_ratio + (1 - self.final_ratio) * (1 + math.cos(math.pi * progress)) / 2
