"""Whether data in another place is the data that a run was computed from: a run's hash leaves out where things lie."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_ssd.types import SPLITS

if TYPE_CHECKING:  # it takes PyTorch's seconds to import, and mostly the data lies where it lay
    from lightweight_ssd.data.formats.packed import PackedAnnotations

__all__ = ["check_same_data", "digest", "digests_of", "same_where_both"]

_ARRAYS = ("image_ids", "sizes", "offsets", "boxes", "labels", "difficult", "crowd")


def digest(annotations: "PackedAnnotations") -> str:
    """Twelve hexadecimal digits of what is annotated, wherever the files lie; the pixels are not looked at.

    Example:
        >>> from lightweight_ssd.data.formats.packed import PackedAnnotations
        >>> from lightweight_ssd.types import Annotation
        >>> box = np.array([[0, 0, 10, 20]], dtype=np.float32)
        >>> one, moved = (Annotation.of_boxes(1, path, 30, 40, box, np.array([0])) for path in ("/a/1.jpg", "/b/1.jpg"))
        >>> packed = [PackedAnnotations.from_annotations([each], ("cat",)) for each in (one, moved)]
        >>> digest(packed[0]) == digest(packed[1])
        True
    """
    content = hashlib.sha256(repr((annotations.class_names, annotations.category_ids)).encode())
    for name in _ARRAYS:
        content.update(np.ascontiguousarray(getattr(annotations, name)).data)
    return content.hexdigest()[:12]


def digests_of(source: Any, first_images: int | None = None) -> dict[str, str]:
    """Of all splits of a data source, as far as they are used.

    Args:
        source: Has `annotations(split)`.
        first_images: So many of each split; None = all.
    """
    return {split: digest(source.annotations(split).first(first_images)) for split in SPLITS}


def same_where_both(digests: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether the splits that both have are the same."""
    return all(digests[split] == others[split] for split in digests.keys() & others.keys())


def check_same_data(
    root: Any, recorded: Mapping[str, Any], read: Callable[[], Mapping[str, str]], always: bool = False
) -> None:
    """Refuses to take a finished run for one on other data.

    Args:
        root: `data.root` as it is now.
        recorded: What the run noted as `data`: `root` (absolute) and `digests`; empty if it noted nothing.
        read: Called for the digests of the data that is asked for; as a rule only if it lies elsewhere, for it takes
            seconds.
        always: Read it also where it lies in the same place, since it may be read in another way.

    Raises:
        ValueError: The annotations in the other place, or read in the other way, are others.
    """
    if not recorded or root is None:
        return
    elsewhere = str(Path(str(root)).absolute()) != recorded["root"]
    if (elsewhere or always) and not same_where_both(read(), recorded["digests"]):
        how = f"; {recorded['root']} was computed on, not {root}" if elsewhere else ""
        what = "data.root holds other annotations" if elsewhere else f"those in {root} are now read in another way"
        raise ValueError(
            f"Expected the data of the finished run, but {what}: give another experiment_name, or rerun=all (without "
            f"-m: resume=never){how}."
        )
