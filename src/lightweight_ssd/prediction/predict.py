"""`predict`: a checkpoint's detections on the images of a folder, drawn and as JSON, for the shell and for Python."""

import glob
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from msgspec import Meta
from tqdm import tqdm

from lightweight_ssd.config.arguments import Count, Share, checked
from lightweight_ssd.prediction.detections import ImageDetections
from lightweight_ssd.prediction.images import Pixels, read
from lightweight_ssd.prediction.model import Overlap, load
from lightweight_ssd.system.json_file import write_json
from lightweight_ssd.system.output_folder import make_output_folder
from lightweight_ssd.system.plain_text import printable

__all__ = ["Predictions", "find_images", "picture_names", "predict"]

_EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_RESULTS = "predictions.json"


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
    checkpoint: Annotated[Path, Meta(examples=["RUN/checkpoints/best.ckpt"])],
    source: Annotated[Path, Meta(examples=["IMAGE, FOLDER or GLOB"])],
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
        source: An image, a folder (not those inside it), or a glob such as `photos/**/*.jpg`.
        output: Folder for the pictures and `predictions.json`; made if need be.
        score_threshold: A detection scores more than this.
        iou_threshold: Of two boxes of one class that overlap more, only the better one stays; None = as in the
            checkpoint.
        max_detections: Per image; None = as in the checkpoint.
        batch_size: Images at once.
        device: `auto` (the GPU where there is one), `cpu`, `cuda` or `cuda:N`.

    Returns:
        The detections, without the images' pixels, and where everything lies. An image that cannot be read is named
        on standard error and skipped.

    Raises:
        ValueError, FileNotFoundError: For a setting that cannot be met.
    """
    sources = find_images(str(source))
    model = load(checkpoint, device)
    postprocess = model.postprocess(score_threshold, iou_threshold=iou_threshold, max_detections=max_detections)
    folder, names = _output_folder(output, sources), picture_names(sources)
    done, entries = Predictions([], [], output, output / _RESULTS), []
    with tqdm(total=len(sources), unit="image", desc="predict") as progress:
        for start in range(0, len(sources), batch_size):
            batch = _read(sources[start : start + batch_size], done.skipped)
            for one in model.detect(batch, postprocess):
                assert one.path is not None
                one.draw().save(folder / names[one.path], quality=92)
                entries.append(_entry(one, names[one.path]))
                done.found.append(replace(one, pixels=None))
            progress.update(min(batch_size, len(sources) - start))
    write_json(folder / _RESULTS, entries)
    return done


def find_images(source: str) -> list[Path]:
    """Image files, sorted by path.

    Args:
        source: An image file, a folder (not those inside it), or a glob, where `**` means any folders.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the source is a file of another kind.
    """
    path, kinds = Path(source), ", ".join(extension[1:] for extension in _EXTENSIONS)
    if path.is_file():
        if path.suffix.lower() not in _EXTENSIONS:
            raise ValueError(f"Expected an image ({kinds}) for source=… but got {source}.")
        return [path]
    # Path.glob takes no absolute pattern.
    candidates = path.iterdir() if path.is_dir() else map(Path, glob.glob(source, recursive=True))  # noqa: PTH207
    # Not is_file: a dangling link shall be named as broken, not passed over.
    images = sorted(file for file in candidates if file.suffix.lower() in _EXTENSIONS and not file.is_dir())
    if not images:
        raise FileNotFoundError(f"There is no image ({kinds}) at source={source}; give an image, a folder or a glob.")
    return images


def picture_names(sources: Sequence[Path]) -> dict[Path, str]:
    """A name per source for its picture, all different also where a file system ignores case.

    Example:
        >>> list(picture_names([Path("a/cat.png"), Path("b/Cat.jpg"), Path("b/dog.jpg")]).values())
        ['cat.jpg', 'Cat-2.jpg', 'dog.jpg']
    """
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for source in sources:
        stem, number = source.stem, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{source.stem}-{number}"
        taken.add(stem.casefold())
        names[source] = f"{stem}.jpg"
    return names


def _output_folder(output: Path, sources: Sequence[Path]) -> Path:
    """The folder to write in, which must not be one that images are read from: a picture could replace its source."""
    if output.resolve() in {source.parent.resolve() for source in sources}:
        raise ValueError(f"Expected another folder for output=… than one that images are read from but got {output}.")
    return make_output_folder(output)


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
