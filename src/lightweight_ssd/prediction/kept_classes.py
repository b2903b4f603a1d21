"""Detections of some of a detector's classes only."""

from collections.abc import Sequence

from lightweight_ssd.data.nearest_name import nearest_name

__all__ = ["labels_of"]

_MOST_NAMED = 20


def labels_of(classes: Sequence[str | int] | str | int | None, class_names: Sequence[str]) -> list[int] | None:
    """The labels of the classes to keep; None for all.

    Args:
        classes: Names as the detector has them; one may stand without a list around it.
        class_names: Of the detector, in the order of the labels.

    Raises:
        ValueError: The detector has no such class, or none is named.

    Example:
        >>> labels_of(["dog"], ["cat", "dog"])
        [1]
    """
    if classes is None:
        return None
    names = [str(name) for name in ([classes] if isinstance(classes, str | int) else classes)]
    if not names:
        raise ValueError("Expected classes to name at least one class but got an empty list; leave it out for all.")
    for name in names:
        if name not in class_names:
            raise ValueError(
                f"Expected classes among those of the detector but got {name}; {_advice(name, class_names)}"
            )
    return sorted({list(class_names).index(name) for name in names})


def _advice(name: str, class_names: Sequence[str]) -> str:
    near = nearest_name(name, class_names)
    if near is not None:
        return f"did you mean {near}?"
    more = f" and {len(class_names) - _MOST_NAMED} others" if len(class_names) > _MOST_NAMED else ""
    return f"it has {', '.join(class_names[:_MOST_NAMED])}{more}."
