"""Detections of whatever a user means by `source=`, one picture after another, so that a long video needs no memory."""

import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from lightweight_ssd.prediction.detections import ImageDetections
from lightweight_ssd.prediction.frames import Event, Frame, Note, Unread
from lightweight_ssd.prediction.images import Pixels
from lightweight_ssd.system.plain_text import printable

__all__ = ["Found", "detections_of", "say", "say_passed_over", "say_unread"]

Detect = Callable[[Sequence[Pixels], Sequence[UInt8[np.ndarray, "h w 3"]]], list[ImageDetections]]

_MOST_NAMED = 5


class Found(NamedTuple):
    """A picture and what was found in it, with its pixels."""

    frame: Frame
    detections: ImageDetections


def detections_of(
    events: Iterable[Event], detect: Detect, batch_size: int, on_unread: Callable[[Unread], None]
) -> Generator[Found, None, None]:
    """The detections of each picture, in order; notes are said, and what cannot be read goes to `on_unread`.

    Args:
        events: As `read_frames` gives them.
        detect: Detections of a batch.
        batch_size: Pictures of a batch.
        on_unread: Called with each source that cannot be read.
    """
    batch: list[Frame] = []
    for event in events:
        if isinstance(event, Note):
            say(event.text)
        elif isinstance(event, Unread):
            on_unread(event)
        else:
            if event.note:
                say(event.note)
            batch.append(event)
        if len(batch) == batch_size:
            yield from _detected(batch, detect)
            batch = []
    yield from _detected(batch, detect)


def _detected(batch: Sequence[Frame], detect: Detect) -> Iterable[Found]:
    found = detect([frame.image for frame in batch], [frame.resized for frame in batch])
    return [Found(frame, _placed(one, frame)) for frame, one in zip(batch, found, strict=True)]


def _placed(found: ImageDetections, frame: Frame) -> ImageDetections:
    if frame.moment is None:
        return replace(found, source=str(frame.source))
    return replace(found, source=str(frame.source), frame=frame.moment.number, seconds=frame.moment.seconds)


def say(sentence: str) -> None:
    """Prints on standard error, above a progress bar."""
    tqdm.write(printable(sentence), file=sys.stderr)


def say_unread(unread: Unread) -> None:
    """Names what could not be read, and why."""
    say(f"skipped: {unread.reason}")


def say_passed_over(files: Sequence[Path]) -> None:
    """Names the first few files that are neither images nor videos."""
    if files:
        names = ", ".join(path.name for path in files[:_MOST_NAMED]) + (", …" if len(files) > _MOST_NAMED else "")
        what = "file that is no image or video" if len(files) == 1 else "files that are no images or videos"
        say(f"passed over {len(files)} {what}: {names}")
