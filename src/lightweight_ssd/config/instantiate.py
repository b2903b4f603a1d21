"""From a node of the configuration to a live object; apart from `assemble`, which takes PyTorch's seconds to import."""

import re
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from lightweight_ssd.config.learning_rate import know_rates
from lightweight_ssd.system.plain_text import has_reference

__all__ = ["build"]

know_rates()  # whoever builds parts meets them, however the configuration was composed

_REFUSALS = ("MisconfigurationException",)  # Lightning's, by name: to import it would take seconds


def build(node: Any, **arguments: Any) -> Any:
    """Instantiates a node of the configuration, with plain containers, and with the part's own error when it has one.

    Args:
        node: With `_target_`.
        arguments: More arguments of the part. Hydra makes them a part of the node, so that `${…}` in the class names of
            somebody's data would be replaced; such text is refused.

    Raises:
        ValueError, FileNotFoundError: As the part raised it, without Hydra's wrapping; one sentence for what a
            framework refuses.
    """
    for name, value in arguments.items():
        _refuse_references(name, value)
    try:
        return instantiate(node, _convert_="all", **arguments)
    except InstantiationException as error:
        if isinstance(error.__cause__, ValueError | FileNotFoundError):
            raise error.__cause__ from None
        if (sentence := _in_our_words(error)) is not None:
            raise ValueError(sentence) from error
        raise


def _in_our_words(error: InstantiationException) -> str | None:
    """A setting that a part refuses in its framework's words; None for what is no fault of a setting."""
    cause, lines = error.__cause__, str(error).splitlines()
    if cause is None or (not isinstance(cause, TypeError | RuntimeError) and type(cause).__name__ not in _REFUSALS):
        return None
    target = re.search(r"'([\w.]+)'", lines[0])
    place = re.search(r"full_key: (\S+)", str(error))
    name, said = target[1] if target else "the part", str(cause).splitlines()[0].rstrip(".")
    where = f" ({place[1]})" if place else ""
    return f"Expected settings that {name} takes{where}, but it refuses them: {said}."


def _refuse_references(name: str, value: Any) -> None:
    if isinstance(value, list | tuple):
        for item in value:
            _refuse_references(name, item)
    if isinstance(value, str) and has_reference(value):
        raise ValueError(
            f"Expected {name} without ${{…}}, which a configuration replaces by something else, but got {value!r}: "
            "rename it."
        )
