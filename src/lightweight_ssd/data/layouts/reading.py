"""How the parts of a layout are read, whatever its format."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Reading"]


class Reading(NamedTuple):
    """What a user can set about it.

    Attributes:
        class_names: Of all classes that the annotations have; None finds them.
        box_tolerance: Pixels by which a box may leave its image and is clipped in silence.
        drop_empty_boxes: Leave out COCO's boxes of no width or height.
        origin: Where VOC's boxes count from: auto, 0 or 1.
        on_bad: `error` or `skip`.
        cache_dir: Of packed annotations; None keeps none.
        num_threads: Files read at once.
    """

    class_names: Sequence[str] | None = None
    box_tolerance: float = 1.0
    drop_empty_boxes: bool = True
    origin: str | int = "auto"
    on_bad: str = "error"
    cache_dir: str | Path | None = None
    num_threads: int = 4
