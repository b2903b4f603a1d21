"""All that is written of a call, picture by picture; whatever ends the call, the files end whole."""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol

from lightweight_ssd.prediction.outputs.drawn import Drawn, drawn_name
from lightweight_ssd.prediction.outputs.folder import RESULTS, OutputFolder
from lightweight_ssd.prediction.outputs.lists import (
    COCO_IMAGES,
    COCO_RESULTS,
    TABLE,
    CocoResults,
    PredictionsJson,
    Table,
)
from lightweight_ssd.prediction.outputs.names import output_stems
from lightweight_ssd.prediction.outputs.per_picture import CLASSES, Crops, YoloLabels, label_name
from lightweight_ssd.prediction.outputs.picture import Picture
from lightweight_ssd.prediction.sources import Source
from lightweight_ssd.system.atomic_write import NotWritten

__all__ = ["Kind", "Outputs", "names_known_before"]

Kind = Literal["images", "json", "coco", "csv", "yolo", "crops"]
"""What can be written: drawn images and videos, JSON, COCO results, a CSV table, YOLO's text files, crops."""

_PLACES: dict[Kind, str] = {
    "images": "", "json": RESULTS, "coco": COCO_RESULTS, "csv": TABLE, "yolo": "labels", "crops": "crops",
}  # fmt: skip
_OF_ALL: dict[Kind, tuple[str, ...]] = {
    "json": (RESULTS,), "coco": (COCO_RESULTS, COCO_IMAGES), "csv": (TABLE,), "yolo": (CLASSES,),
}  # fmt: skip


def names_known_before(kinds: Collection[Kind], sources: Sequence[Source]) -> Iterator[str]:
    """Names of the files that a call will write, as far as they are known before anything is read.

    Not known are crops, labels of the frames of a video, and what an address holds.

    Args:
        kinds: What to write.
        sources: What to read.

    Example:
        >>> list(names_known_before(["images", "csv"], [Source("image", "photos/a.png"), Source("video", "b.avi")]))
        ['predictions.csv', 'a.jpg', 'b.mp4']
    """
    yield from (name for kind in kinds for name in _OF_ALL.get(kind, ()))
    for source, stem in zip(sources, output_stems(sources), strict=True):
        is_video = source.kind in ("video", "camera")
        if "images" in kinds and source.kind != "address":
            yield drawn_name(stem, is_video)
        if "yolo" in kinds and source.kind != "address" and not is_video:
            yield label_name(stem)


class _Output(Protocol):
    def add(self, picture: Picture) -> None: ...
    def close(self) -> None: ...


class Outputs:
    """Writes each picture to every output that was asked for.

    Attributes:
        places: File or folder of each kind that is written.

    Args:
        folder: Which exists.
        kinds: What to write.
        class_names: Of the detector.
        category_ids: Of its classes.
        yolo_scores: Whether YOLO's text files have the score of each box.

    Raises:
        NotWritten: The disk is full or cannot be written, here and in the methods.
    """

    def __init__(
        self,
        folder: Path,
        kinds: Collection[Kind],
        class_names: Sequence[str],
        category_ids: Sequence[int],
        yolo_scores: bool = False,
    ) -> None:
        self.places: dict[Kind, Path] = {kind: folder / place for kind, place in _PLACES.items() if kind in kinds}
        self._folder = OutputFolder(folder)
        makers: dict[Kind, Callable[[], _Output]] = {  # the list first: no picture shall be without its entry
            "json": lambda: PredictionsJson(self._folder),
            "coco": lambda: CocoResults(self._folder, class_names, category_ids),
            "csv": lambda: Table(self._folder),
            "yolo": lambda: YoloLabels(self._folder, class_names, yolo_scores),
            "crops": lambda: Crops(self._folder, class_names),
            "images": lambda: Drawn(self._folder),
        }
        self._outputs = [make() for kind, make in makers.items() if kind in kinds]

    def add(self, picture: Picture) -> None:
        """Writes all of a picture."""
        if "images" in self.places:
            picture = picture._replace(drawn=drawn_name(picture.stem, picture.moment is not None))
        for output in self._outputs:
            output.add(picture)

    def __enter__(self) -> "Outputs":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Ends every file; where something went wrong before, that is what is said."""
        failed: list[NotWritten] = []
        for output in self._outputs:
            try:
                output.close()
            except NotWritten as not_written:
                failed.append(not_written)
        self._folder.close()
        if failed and kind is None:
            raise failed[0]
