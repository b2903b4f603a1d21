"""How many objects each class of a data set has."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.types import OTHER_CLASS

__all__ = ["count_objects", "describe_counts", "of_classes"]

_MOST_CLASSES = 10


def count_objects(annotations: PackedAnnotations) -> Counter[str]:
    """Objects by the name of their class, crowd regions among them; classes without any are left out.

    Example:
        >>> from lightweight_ssd.types import Annotation
        >>> boxes = np.array([[0, 0, 10, 20], [5, 5, 9, 9]], dtype=np.float32)
        >>> one = Annotation.of_boxes(1, "/tmp/a.jpg", 30, 40, boxes, np.array([1, 1]))
        >>> count_objects(PackedAnnotations.from_annotations([one], ("cat", "dog")))
        Counter({'dog': 2})
    """
    labels = annotations.labels[annotations.labels != OTHER_CLASS]
    counts = np.bincount(labels, minlength=len(annotations.class_names)).tolist()
    return Counter({name: count for name, count in zip(annotations.class_names, counts, strict=True) if count})


def describe_counts(counts: Mapping[str, int], class_names: Sequence[str]) -> str:
    """One line, the classes with most objects first.

    Args:
        counts: Objects by class name.
        class_names: All names, of which some may have none.

    Example:
        >>> describe_counts({"cat": 388, "dog": 1412}, ["cat", "dog", "fox"])
        '3 classes: dog 1,412, cat 388, fox 0'
    """
    ordered = sorted(class_names, key=lambda name: -counts.get(name, 0))
    shown = [f"{name} {counts.get(name, 0):,}" for name in ordered[:_MOST_CLASSES]]
    more = f" and {len(ordered) - len(shown)} more" if len(ordered) > len(shown) else ""
    return f"{len(ordered)} class{'es' * (len(ordered) != 1)}: {', '.join(shown)}{more}"


def of_classes(annotations: PackedAnnotations, class_names: Sequence[str]) -> PackedAnnotations:
    """The same with these classes alone, which are all that have objects.

    Args:
        annotations: Of a split.
        class_names: Some of its names, in the order of the new labels.
    """
    if tuple(class_names) == annotations.class_names:
        return annotations
    places = [annotations.class_names.index(name) for name in class_names]
    label_of = np.full(len(annotations.class_names), OTHER_CLASS)
    label_of[places] = np.arange(len(places))
    ids = annotations.category_ids
    return replace(
        annotations,
        class_names=tuple(class_names),
        category_ids=tuple(ids[place] for place in places) if ids else (),
        labels=label_of[annotations.labels],
    )
