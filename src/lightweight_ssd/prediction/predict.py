"""`predict`: a checkpoint's detections on the images of a folder, drawn and as JSON, for the shell and for Python."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from msgspec import Meta
from tqdm import tqdm

from lightweight_ssd.config.arguments import Checkpoint, Count, Overlap, Share, checked
from lightweight_ssd.detector.postprocess import PostProcess
from lightweight_ssd.prediction.detections import ImageDetections
from lightweight_ssd.prediction.images import Pixels, read
from lightweight_ssd.prediction.model import Model, load
from lightweight_ssd.prediction.pictures import RESULTS, output_folder, picture_names, remove_earlier, write_picture
from lightweight_ssd.prediction.sources import Sources, find_images
from lightweight_ssd.system.disk_space import one_sentence_when_full
from lightweight_ssd.system.json_file import write_json
from lightweight_ssd.system.plain_text import printable

__all__ = ["Predictions", "predict"]

_MOST_NAMED = 5


class Predictions(NamedTuple):
    """What `predict` found and wrote.

    Attributes:
        found: Detections of each image that could be read, sorted by path.
        skipped: Images that could not be read.
        output: Folder of the pictures.
        file: JSON of all detections; its boxes are xyxy in pixels of the image.
    """

    found: list[ImageDetections]
    skipped: list[Path]
    output: Path
    file: Path


@checked
def predict(
    checkpoint: Checkpoint,
    source: Annotated[Path | Sequence[Path], Meta(examples=["IMAGE, FOLDER or GLOB"])],
    *,
    output: Path = Path("predictions"),
    score_threshold: Share = 0.3,
    iou_threshold: Overlap | None = None,
    max_detections: Count | None = None,
    batch_size: Count = 8,
    device: str = "auto",
) -> Predictions:
    """Detects objects in images and writes a picture of each and one JSON file.

    Args:
        checkpoint: A checkpoint file, or the folder of a run.
        source: An image, a folder (not those inside it), or a glob such as `photos/**/*.jpg`; or a list of them.
        output: Folder for the pictures and `predictions.json`; made if need be. The pictures of an earlier call there
            make room for those of this one.
        score_threshold: A detection scores more than this.
        iou_threshold: Of two boxes of one class that overlap more, only the better one stays; None = as in the
            checkpoint.
        max_detections: Per image; None = as in the checkpoint.
        batch_size: Images at once.
        device: `auto` (the GPU where there is one), `cpu`, `cuda` or `cuda:N`.

    Returns:
        The detections, without the images' pixels, and where everything lies. An image that cannot be read is named
        on standard error and skipped, and so are files of a folder that are no images.

    Raises:
        ValueError, FileNotFoundError: For a setting that cannot be met.
    """
    sources = find_images([source] if isinstance(source, Path) else source)
    model = load(checkpoint, device)
    postprocess = model.postprocess(score_threshold, iou_threshold=iou_threshold, max_detections=max_detections)
    folder, names = output_folder(output, sources.images), picture_names(sources.images)
    _name_passed_over(sources)
    remove_earlier(folder)
    done = Predictions([], [], output, output / RESULTS)
    with one_sentence_when_full(folder, "make room, or name another output=…, and call the same command again."):
        _detect(model, postprocess, sources.images, batch_size, names, done)
    return done


def _detect(
    model: Model, postprocess: PostProcess, images: list[Path], batch_size: int, names: dict[Path, str],
    done: Predictions,
) -> None:  # fmt: skip
    """Draws each image and lists what was found, also of an interrupted call; fills `done`."""
    entries = []
    try:
        with tqdm(total=len(images), unit="image", desc="predict") as progress:
            for start in range(0, len(images), batch_size):
                batch = _read(images[start : start + batch_size], done.skipped)
                for one in model.detect(batch, postprocess):
                    assert one.path is not None
                    entries.append(_entry(one, names[one.path]))  # first, so that no picture is without an entry
                    write_picture(one.draw(), done.output / names[one.path])
                    done.found.append(replace(one, pixels=None))
                progress.update(min(batch_size, len(images) - start))
    finally:
        write_json(done.file, entries)


def _name_passed_over(sources: Sources) -> None:
    if not sources.passed_over:
        return
    names = [path.name for path in sources.passed_over]
    shown = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    count = f"{len(names)} file{'s' if len(names) > 1 else ''}"
    print(f"passed over {count} that cannot be read as images: {shown}", file=sys.stderr)


def _read(batch: Sequence[Path], skipped: list[Path]) -> list[Pixels]:
    """The images of a batch; those that cannot be read are named and go to `skipped`."""
    images = []
    for path in batch:
        try:
            images.append(read(path))
        except (ValueError, OSError) as error:
            tqdm.write(printable(f"skipped: {error}"), file=sys.stderr)
            skipped.append(path)
    return images


def _entry(found: ImageDetections, picture: str) -> dict[str, Any]:
    """What `predictions.json` says of an image; boxes are xyxy in its pixels."""
    rows = zip(found.labels.tolist(), found.names, found.scores.tolist(), found.boxes.tolist(), strict=True)
    detections = [
        {"label": label, "category_id": found.category_ids[label], "class_name": name, "score": score, "box": box}
        for label, name, score, box in rows
    ]
    size = {"width": found.width, "height": found.height}
    return {"file": str(found.path), "picture": picture, **size, "detections": detections}
