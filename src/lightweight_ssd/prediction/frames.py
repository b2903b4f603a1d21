"""From sources to pictures in memory, read ahead of the network and handed over one after another."""

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from itertools import groupby, repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from lightweight_ssd.data.images.header import count_pictures
from lightweight_ssd.data.images.reader import decode_image
from lightweight_ssd.prediction.images import Pixels, read
from lightweight_ssd.prediction.remote import downloaded
from lightweight_ssd.prediction.sources import Source
from lightweight_ssd.prediction.video import Limits, Video, VideoFrame, is_video
from lightweight_ssd.system.read_ahead import done_ahead

__all__ = ["Event", "Frame", "Moment", "Note", "Unread", "read_frames"]

Prepare = Callable[[UInt8[np.ndarray, "H W 3"]], UInt8[np.ndarray, "h w 3"]]

_READERS, _AHEAD = 2, 4  # threads, and pictures that wait for the network at most
_LARGEST_INPUT = 10**9  # bytes of standard input


class Moment(NamedTuple):
    """Where a picture is in a video or what a camera shows.

    Attributes:
        number: Of its frame, from 0.
        seconds: Since the first frame.
        rate: Frames per second of those that are looked at.
        expected: How many of them there will be; None if nobody knows.
    """

    number: int
    seconds: float
    rate: float
    expected: int | None


class Frame(NamedTuple):
    """A picture to look at.

    Attributes:
        source: Where it comes from.
        image: As it is.
        resized: For the network.
        moment: None for what is no video.
        note: What the user should know of it, in one sentence; empty where there is nothing.
    """

    source: Source
    image: Pixels
    resized: UInt8[np.ndarray, "h w 3"]
    moment: Moment | None = None
    note: str = ""


class Unread(NamedTuple):
    """A source that cannot be read, and why, in one sentence."""

    source: Source
    reason: str


class Note(NamedTuple):
    """What the user should know of a source that was read, in one sentence."""

    text: str


Event = Frame | Unread | Note


def read_frames(sources: Sequence[Source], limits: Limits, prepare: Prepare) -> Generator[Event, None, None]:
    """The pictures of all sources, in order; closed early, nothing more is read.

    Args:
        sources: What to read.
        limits: How much of each video.
        prepare: Resizes a picture for the network; called in the threads that read.
    """
    for kind, group in groupby(sources, key=lambda source: source.kind):
        if kind == "image":
            yield from done_ahead((partial(_image, source, prepare) for source in group), _READERS, _AHEAD)
            continue
        for source in group:
            events = _in_turn(source, limits, prepare)
            try:
                yield from _until_none(done_ahead(repeat(partial(next, events, None)), 1, _AHEAD))
            finally:
                events.close()


def _until_none(events: Generator[Event | None, None, None]) -> Iterator[Event]:
    try:
        for event in events:
            if event is None:
                return
            yield event
    finally:
        events.close()


def _image(source: Source, prepare: Prepare) -> Event:
    try:
        image = read(source.place)
        return Frame(source, image, prepare(image.array), note=_first_of_several(Path(source.place)))
    except (ValueError, OSError) as error:
        return Unread(source, str(error))


def _first_of_several(path: Path) -> str:
    count = count_pictures(path)
    return f"{path} holds {count} pictures, of which the first is used." if count > 1 else ""


def _in_turn(source: Source, limits: Limits, prepare: Prepare) -> Generator[Event, None, None]:
    """What has to be read one after another."""
    try:
        if source.kind == "address":
            with downloaded(source) as path:
                yield from _of_file(path, source, limits, prepare)
        elif source.kind == "stdin":
            yield _of_bytes(_standard_input(), source, prepare)
        else:
            place = int(source.place) if source.kind == "camera" else Path(source.place)
            yield from _of_video(place, source, limits, prepare)
    except (ValueError, OSError) as error:
        yield Unread(source, str(error))


def _of_file(path: Path, source: Source, limits: Limits, prepare: Prepare) -> Iterator[Event]:
    """An image or a video, whatever it is called."""
    if is_video(path):
        yield from _of_video(path, source, limits, prepare)
    else:
        yield _of_bytes(path.read_bytes(), source, prepare)


def _of_bytes(content: bytes, source: Source, prepare: Prepare) -> Frame:
    array = decode_image(content, str(source), upright=True)
    return Frame(source, Pixels(array), prepare(array))


def _standard_input() -> bytes:
    content = sys.stdin.buffer.read(_LARGEST_INPUT + 1)
    if not content:
        raise ValueError("Expected an image on standard input for source=- but nothing came; pipe a file into it.")
    if len(content) > _LARGEST_INPUT:
        raise ValueError("Expected an image of at most 1 GB on standard input but there is more; give a file.")
    return content


def _of_video(place: Path | int, source: Source, limits: Limits, prepare: Prepare) -> Iterator[Event]:
    video = Video(place, limits, str(source))
    frames = video.frames()
    try:
        for frame in frames:
            yield _frame(frame, video, source, prepare)
    finally:
        frames.close()
    if video.note:
        yield Note(video.note)


def _frame(frame: VideoFrame, video: Video, source: Source, prepare: Prepare) -> Frame:
    moment = Moment(frame.number, frame.seconds, video.rate_drawn, video.expected)
    return Frame(source, Pixels(frame.pixels), prepare(frame.pixels), moment)
