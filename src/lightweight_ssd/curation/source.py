"""A data source by its name, as the other functions of this package take it: what `data=…` is on the command line."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from lightweight_ssd.config.arguments import call
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.data.source import Source

__all__ = ["Data", "composed", "data_source"]

# msgspec knows no unions with classes of ours in them: `data_source` looks at what it is given.
Data = Annotated[Any, Meta(description="a data set: its name, overrides, its configuration, or a live source")]
"""A name such as `"voc"`; a list of overrides; a node of a configuration; or a live source."""


def data_source(data: Data = "voc", **settings: Any) -> Source:
    """A source of annotated images, as `data=…` chooses one on the command line.

    Nothing is read yet: `.class_names` and `.annotations("train")` do.

    Args:
        data: An option of the group `data`, such as `folder`, `voc` or `shapes`; or a list of overrides,
            `["data=coco", "data.root=mine"]`; or a node of a composed configuration; or a source, which is returned.
        settings: What to change about it, by the keys of `conf/data/<name>.yaml`: `root="VOCdevkit"`. A mapping takes
            the place of the one that is there; years may be numbers: `train={2007: "trainval"}`.

    Raises:
        ValueError: There is no such data set or setting, or a value does not fit.

    Example:
        >>> source = data_source("voc", root="VOCdevkit", class_names=["cat", "dog"], train={2007: "train"})
        >>> source.class_names
        ('cat', 'dog')
    """
    if hasattr(data, "annotations") and not isinstance(data, Mapping):
        if settings:
            raise ValueError(
                f"Expected settings with the name of a data set only, but got {', '.join(settings)} with a source that "
                "is made already: set them where it is made."
            )
        return data
    node = dict(data) if isinstance(data, Mapping) else composed("data", data, "data_check")
    return build(_changed(node, settings))


def composed(group: str, choice: str | Sequence[str], config: str) -> dict[str, Any]:
    """What a command's configuration holds for one of its groups, in plain containers.

    Args:
        group: Config group, such as `data`.
        choice: An option of the group, or overrides.
        config: The command, such as `data_check`.

    Raises:
        ValueError: There is no such option or key.
    """
    is_name = isinstance(choice, str) and "=" not in choice
    overrides = [f"{group}={choice}"] if is_name else [choice] if isinstance(choice, str) else list(choice)
    return call(dict, compose(overrides, config))[group]


def _changed(node: dict[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    known = [key for key in node if not key.startswith("_")]
    for name in settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            advice = f"did you mean {near[0]}?" if near else f"give one of {', '.join(known)}."
            raise ValueError(f"There is no setting {name} of the data: {advice}")
    return {**node, **settings}
