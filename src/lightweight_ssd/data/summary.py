"""What a user is told of a data set before it is used: what reading decided, and what each split has."""

from collections.abc import Mapping

from lightweight_ssd.data.class_counts import count_objects, describe_counts
from lightweight_ssd.data.formats.packed import PackedAnnotations

__all__ = ["describe_splits"]


def describe_splits(splits: Mapping[str, PackedAnnotations]) -> list[str]:
    """The notes of all splits, each once, and a line for each split; splits of the same images share one.

    Args:
        splits: Annotations by the name of their split.

    Example:
        >>> import numpy as np
        >>> from lightweight_ssd.types import Annotation
        >>> box = np.array([[0, 0, 10, 20]], dtype=np.float32)
        >>> one = Annotation.of_boxes(1, "/tmp/a.jpg", 30, 40, box, np.array([0]))
        >>> packed = PackedAnnotations.from_annotations([one], ("cat",), notes=["boxes count from 0"])
        >>> describe_splits({"val": packed, "test": packed})
        ['boxes count from 0', 'val, test: 1 image, 1 class: cat 1']
    """
    notes = dict.fromkeys(note for annotations in splits.values() for note in annotations.notes)
    lines: dict[tuple[bytes, str], list[str]] = {}
    for name, annotations in splits.items():
        images = f"{len(annotations):,} image{'s' * (len(annotations) != 1)}"
        counts = describe_counts(count_objects(annotations), annotations.class_names)
        lines.setdefault((annotations.path_bytes.tobytes(), f"{images}, {counts}"), []).append(name)
    return [*notes, *(f"{', '.join(names)}: {line}" for (_, line), names in lines.items())]
