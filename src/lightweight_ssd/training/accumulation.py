"""Makes the gradient that several passes accumulate the one that a single pass of all their images would have.

The loss of a pass is divided by a count of that pass, such as its matched anchors; the mean over passes would give each
anchor of a pass with few of them more weight. BatchNorm alone still sees the images of one pass at a time.
"""

import torch
from torch import Tensor, nn

from lightweight_ssd.ops.shared_count import shared_count

__all__ = ["Accumulation"]


class Accumulation:
    """Weighs the passes of an optimizer step and rescales their gradient at its end.

    With n_i the normalizer of pass i and s_i its losses before they are divided by it, pass i counts n_i / n_1 times.
    Of k passes Lightning makes the gradient of Σ s_i / (k · n_1); `rescale` makes it that of Σ s_i / Σ n_i.
    """

    def __init__(self) -> None:
        self._first = torch.ones(())
        self._divisor = torch.zeros(())

    def weight(self, divisor: Tensor, is_first: bool) -> Tensor:
        """How often the loss of a pass counts.

        Args:
            divisor: Of the pass on this rank; its losses were divided by the `shared_count` of it.
            is_first: Whether the pass begins a step.
        """
        normalizer = shared_count(divisor, among_ranks=True)
        if is_first:
            self._first, self._divisor = normalizer, torch.zeros_like(divisor)
        self._divisor = self._divisor + divisor
        return normalizer / self._first

    def rescale(self, module: nn.Module, passes: int) -> None:
        """Divides the accumulated gradient by the divisors of all passes, as the criterion counts them.

        Args:
            module: Whose gradients are complete.
            passes: What every loss was divided by.
        """
        factor = passes * self._first / shared_count(self._divisor, among_ranks=True)
        gradients = [each.grad for each in module.parameters() if each.grad is not None]
        torch._foreach_mul_(gradients, factor)  # pyright: ignore[reportPrivateImportUsage]
