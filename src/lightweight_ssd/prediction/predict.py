"""`predict`: a trained detector's detections on images and videos, drawn and in files, for the shell and for Python."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, cast

from msgspec import Meta
from tqdm import tqdm

from lightweight_ssd.config.arguments import Checkpoint, Count, Overlap, Seconds, Share, checked, missing
from lightweight_ssd.prediction.detections import ImageDetections
from lightweight_ssd.prediction.frames import Moment, Unread, read_frames
from lightweight_ssd.prediction.kept_classes import labels_of
from lightweight_ssd.prediction.load import load
from lightweight_ssd.prediction.outputs.folder import expect_own_files, prepare_folder, remove_earlier
from lightweight_ssd.prediction.outputs.names import output_stems
from lightweight_ssd.prediction.outputs.outputs import Kind, Outputs, names_known_before
from lightweight_ssd.prediction.outputs.picture import Picture
from lightweight_ssd.prediction.sources import Source, find_sources
from lightweight_ssd.prediction.stream import Found, say_passed_over, say_unread
from lightweight_ssd.prediction.video import Limits
from lightweight_ssd.system.disk_space import one_sentence_when_full
from lightweight_ssd.system.read_ahead import done_ahead

__all__ = ["Predictions", "VideoSummary", "predict"]

_WAIT_TO_BE_WRITTEN = 4  # pictures

Place = Path | str
Sources = Annotated[Place | Sequence[Place] | None, Meta(examples=["IMAGE, VIDEO, FOLDER or GLOB"])]


@dataclass
class VideoSummary:
    """A video that was looked at.

    Attributes:
        source: Path, address or camera.
        frames: That were looked at.
        rate: Of them per second of the video.
        took: Seconds until the last one was written.
    """

    source: str
    frames: int
    rate: float
    took: float = 0.0


@dataclass
class Predictions:
    """What `predict` found and wrote.

    Attributes:
        output: Folder of everything that was written.
        files: File or folder of each kind in it, by the names that `save` has.
        found: Detections of each picture, files sorted by path; empty with `collect=False`.
        skipped: What could not be read: paths of files, and other sources as text.
        images: Number of images that were read.
        videos: Those that were read.
        detections: Number of detections in all of them.
    """

    output: Path
    files: dict[Kind, Path] = field(default_factory=dict)
    found: list[ImageDetections] = field(default_factory=list)
    skipped: list[Path | str] = field(default_factory=list)
    images: int = 0
    videos: list[VideoSummary] = field(default_factory=list)
    detections: int = 0

    @property
    def file(self) -> Path | None:
        """JSON of all detections, whose boxes are xyxy in pixels of the image; None where it is not saved."""
        return self.files.get("json")


@checked
def predict(
    checkpoint: Checkpoint | None = None,
    source: Sources = None,
    *,
    model: Path | None = None,
    output: Path = Path("predictions"),
    save: Sequence[Kind] | Kind = ("images", "json"),
    yolo_scores: bool = False,
    recursive: bool = False,
    stride: Count = 1,
    max_frames: Count | None = None,
    max_seconds: Seconds | None = None,
    score_threshold: Share = 0.3,
    iou_threshold: Overlap | None = None,
    max_detections: Count | None = None,
    classes: Sequence[str | int] | str | int | None = None,
    batch_size: Count = 8,
    device: str = "auto",
    collect: bool = True,
) -> Predictions:
    """Detects objects in images and videos, and writes drawn pictures, JSON and other files.

    Args:
        checkpoint: A checkpoint file, or the folder of a run; this or `model` is required.
        source: An image, a video, a folder, a glob such as `photos/**/*.jpg`, a list of files (`.txt`), an http or
            https address, `-` for an image on standard input, or the number of a camera; or a list of them. Required.
        model: A file of `lssd export`, such as `detector.onnx`, in place of a checkpoint; PyTorch is not loaded for it.
        output: Folder to write in; made if need be. What an earlier call wrote there is removed first. Other files in
            it stay: a call that would write over one is refused.
        save: What to write: `images` (drawn images and videos), `json`, `coco`, `csv`, `yolo`, `crops`.
        yolo_scores: Whether YOLO's text files have the score of each box.
        recursive: Whether the folders inside a folder count, too.
        stride: Of a video, every so many frames one.
        max_frames: Of each video; None = all.
        max_seconds: Of each video from its beginning; None = all.
        score_threshold: A detection scores more than this.
        iou_threshold: Of two boxes of one class that overlap more, only the better one stays; None = as in the
            checkpoint or the file.
        max_detections: Per picture; None = as in the checkpoint or the file.
        classes: Names of those to keep; None = all.
        batch_size: Pictures at once.
        device: `auto` (the GPU where there is one), `cpu`, `cuda` or `cuda:N`; an exported file runs on the CPU.
        collect: Whether to return the detections, too; without, a long video takes no memory.

    Returns:
        The detections, without the pixels, and where everything lies. What cannot be read is named on standard error
        and skipped, and so are files of a folder that are no images or videos.

    Raises:
        ValueError, FileNotFoundError: For a setting that cannot be met.
    """
    kinds: Sequence[Kind] = [save] if isinstance(save, str) else save
    _expect_kinds(kinds, yolo_scores)
    file = _the_one(checkpoint, model)
    if source is None:
        raise ValueError(missing("source", Sources))
    sources = find_sources([source] if isinstance(source, Path | str) else source, recursive, output)
    loaded = load(file, device)
    thresholds = loaded.asked_thresholds(score_threshold, iou_threshold=iou_threshold, max_detections=max_detections)
    labels = labels_of(classes, loaded.class_names)
    folder = prepare_folder(output, sources.items)
    expect_own_files(folder, names_known_before(kinds, sources.items))
    say_passed_over(sources.passed_over)
    remove_earlier(folder)
    done = Predictions(output)
    events = read_frames(sources.items, Limits(stride, max_frames, max_seconds), loaded.resized)
    found = loaded.detect_frames(events, batch_size, thresholds, labels, partial(_skip, done))
    with (
        one_sentence_when_full(folder, "make room, or name another output=…, and call the same command again."),
        Outputs(folder, kinds, loaded.class_names, loaded.category_ids, yolo_scores) as outputs,
        closing(found),
    ):
        done.files = outputs.places
        _write_all(found, outputs, sources.items, done, collect)
    return done


def _the_one(checkpoint: Path | None, model: Path | None) -> Path:
    """The file that the detector is in."""
    if checkpoint is not None and model is not None:
        raise ValueError(
            f"Expected a checkpoint or an exported file but got both, checkpoint={checkpoint} and model={model}; leave "
            "one out."
        )
    if checkpoint is None and model is None:
        raise ValueError(
            "Expected checkpoint or model, but neither was given; give checkpoint=RUN/checkpoints/best.ckpt or "
            "model=FILE.onnx."
        )
    return cast(Path, checkpoint or model)


def _expect_kinds(kinds: Sequence[Kind], yolo_scores: bool) -> None:
    if not kinds:
        raise ValueError(
            "Expected save to name at least one kind of file but got an empty list; give save=[json], or leave it out. "
            "Detections without files: lightweight_ssd.load(RUN).stream(SOURCE)."
        )
    if yolo_scores and "yolo" not in kinds:
        both = ",".join([*kinds, "yolo"])
        raise ValueError(
            f"Expected yolo in save=… for yolo_scores=true but got save=[{','.join(kinds)}]; give save=[{both}]."
        )


def _write_all(
    found: Iterable[Found], outputs: Outputs, sources: Sequence[Source], done: Predictions, collect: bool
) -> None:
    """Writes each picture in a thread while the network looks at the next ones; fills `done`."""
    stems = dict(zip(sources, output_stems(sources), strict=True))
    jobs = (partial(_write, each, stems[each.frame.source], outputs) for each in found)
    with closing(done_ahead(jobs, 1, _WAIT_TO_BE_WRITTEN)) as written:
        counter = _Counter(done)
        for each in _with_progress(written, sources):
            counter.add(each)
            if collect:
                done.found.append(each.detections)


def _write(each: Found, stem: str, outputs: Outputs) -> Found:
    """The same without pixels, once it is written."""
    outputs.add(Picture(each.detections, stem, each.frame.moment))
    image = each.frame.image._replace(array=each.frame.image.array[:0])
    return Found(
        each.frame._replace(image=image, resized=each.frame.resized[:0]), replace(each.detections, pixels=None)
    )


def _with_progress(written: Iterable[Found], sources: Sequence[Source]) -> Iterator[Found]:
    """A bar that counts pictures; how many a video has is known with its first frame."""
    unit = "image" if all(source.kind == "image" for source in sources) else "frame"
    total: int | None = len(sources)
    with tqdm(total=total, unit=unit, desc="predict") as bar:
        for each in written:
            moment = each.frame.moment
            if moment is not None and moment.number == 0:
                total = None if total is None or moment.expected is None else total + moment.expected - 1
                bar.total = total
            bar.update()
            yield each


class _Counter:
    """Fills `done` as pictures are written; the time of a video begins where that of the source before it ended."""

    def __init__(self, done: Predictions) -> None:
        self._done, self._last, self._begun = done, time.monotonic(), 0.0

    def add(self, each: Found) -> None:
        self._done.detections += len(each.detections)
        moment, now = each.frame.moment, time.monotonic()
        if moment is None:
            self._done.images += 1
        else:
            self._add_frame(str(each.frame.source), moment, now)
        self._last = now

    def _add_frame(self, source: str, moment: Moment, now: float) -> None:
        if moment.number == 0:
            self._begun = self._last
            self._done.videos.append(VideoSummary(source, 0, moment.rate))
        self._done.videos[-1].frames += 1
        self._done.videos[-1].took = now - self._begun


def _skip(done: Predictions, unread: Unread) -> None:
    say_unread(unread)
    source = unread.source
    done.skipped.append(Path(source.place) if source.kind in ("image", "video") else str(source))
