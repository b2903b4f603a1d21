"""From a node of the configuration to a live object; apart from `assemble`, which takes PyTorch's seconds to import."""

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

__all__ = ["build"]


def build(node: Any, **arguments: Any) -> Any:
    """Instantiates a node of the configuration, with plain containers, and with the part's own error when it has one.

    Raises:
        ValueError, FileNotFoundError: As the part raised it, without Hydra's wrapping.
    """
    try:
        return instantiate(node, _convert_="all", **arguments)
    except InstantiationException as error:
        if isinstance(error.__cause__, ValueError | FileNotFoundError):
            raise error.__cause__ from None
        raise
