"""Loaders that ours is compared with: decoding alone, torchvision's transforms, Ultralytics' training loader.

Each function returns a call that passes all images once through its loader up to the collated tensors, in the process
and the thread of its caller, as an iterator: one result at a time, so that none has to outlive the next, as in
training.

Sources: `references/detection/presets.py` of torchvision (the preset `ssd`, backend PIL, as in its script, with the
resize that its model does) and Ultralytics' `YOLODataset`.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from lightweight_ssd.benchmark.peers import import_ultralytics
from lightweight_ssd.benchmark.record import import_peer
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.types import Annotation

__all__ = ["decoders", "torchvision_loader", "ultralytics_loader"]

_EXTRA = "'lightweight-ssd[benchmarks]'"
_MEAN_COLOR = (123, 117, 104)  # fill value of torchvision's preset


def decoders(annotations: PackedAnnotations, notes: list[str]) -> dict[str, Callable[[], Iterator[object]]]:
    """The installed decoders by name; each call decodes every file, from memory, to RGB.

    Args:
        annotations: Annotations of the images.
        notes: Notes of the record; get a sentence for what is not installed.
    """
    files = [np.fromfile(annotation.path, np.uint8) for annotation in annotations]
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    calls: dict[str, Callable[[], Iterator[object]]] = {"OpenCV": lambda: (cv2.imdecode(file, flags) for file in files)}
    if not all(file[:2].tobytes() == b"\xff\xd8" for file in files):
        notes.append("Not all files are JPEG, so OpenCV alone decodes them.")
        return calls
    from torchvision.io import ImageReadMode, decode_jpeg

    tensors = [torch.from_numpy(file) for file in files]
    calls["torchvision"] = lambda: (decode_jpeg(tensor, ImageReadMode.RGB) for tensor in tensors)
    if simplejpeg := import_peer("simplejpeg", _EXTRA, notes):
        calls["simplejpeg"] = lambda: (simplejpeg.decode_jpeg(file) for file in files)
    return calls


def torchvision_loader(
    annotations: PackedAnnotations, size: tuple[int, int], batch_size: int
) -> Callable[[], Iterator[torch.Tensor]]:
    """The transforms of torchvision's SSD training, version 2 of its API.

    Args:
        annotations: Annotations of the images.
        size: Height and width of the result, pixels.
        batch_size: Images of a batch.
    """
    from PIL import Image
    from torchvision.transforms import v2

    transforms = v2.Compose(
        [
            v2.RandomPhotometricDistort(),
            v2.RandomZoomOut(fill={Image.Image: _MEAN_COLOR}),
            v2.RandomIoUCrop(),
            v2.RandomHorizontalFlip(p=0.5),
            v2.Resize(size),
            v2.PILToTensor(),
            v2.SanitizeBoundingBoxes(),
        ]
    )
    known = list(annotations)
    return lambda: (
        torch.stack([_transformed(annotation, transforms) for annotation in known[start : start + batch_size]])
        for start in range(0, len(known), batch_size)
    )


def _transformed(annotation: Annotation, transforms: Callable[..., Any]) -> torch.Tensor:
    from PIL import Image
    from torchvision.tv_tensors import BoundingBoxes

    boxes: Any = BoundingBoxes(
        torch.from_numpy(annotation.boxes),
        format="XYXY",  # pyright: ignore[reportArgumentType, reportCallIssue]
        canvas_size=(annotation.height, annotation.width),  # pyright: ignore[reportCallIssue]
    )
    with Image.open(annotation.path) as file:
        image = file.convert("RGB")
    return transforms(image, {"boxes": boxes, "labels": torch.from_numpy(annotation.labels)})[0]


def ultralytics_loader(
    annotations: PackedAnnotations,
    folder: Path,
    size: int,
    batch_size: int,
    mosaic: float,
    in_memory: bool,
    notes: list[str],
) -> Callable[[], Iterator[dict[str, Any]]] | None:
    """Ultralytics' data set for training, with its defaults except for the probability of Mosaic.

    Args:
        annotations: Annotations of the images.
        folder: Empty folder for its labels and links to the images.
        size: Side of the result, pixels.
        batch_size: Images of a batch.
        mosaic: Probability of Mosaic, 0 to 1.
        in_memory: Uses its `cache="ram"`.
        notes: Notes of the record; get a sentence if Ultralytics is not installed.

    Returns:
        The call, or None without Ultralytics.
    """
    if import_ultralytics(notes) is None:
        return None
    from ultralytics.cfg import get_cfg
    from ultralytics.data.dataset import YOLODataset

    _write_yolo(annotations, folder)
    names = dict(enumerate(annotations.class_names))
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # its progress bars
        dataset = YOLODataset(
            img_path=str(folder / "images"),
            imgsz=size,
            augment=True,
            hyp=get_cfg(overrides={"mosaic": mosaic, "deterministic": False}),
            cache="ram" if in_memory else False,
            batch_size=batch_size,
            data={"names": names, "nc": len(names), "channels": 3},
        )
    return lambda: _ultralytics_epoch(dataset, batch_size, in_memory)


def _ultralytics_epoch(dataset: Any, batch_size: int, in_memory: bool) -> Iterator[dict[str, Any]]:
    dataset.buffer = []  # of the images read last, Mosaic's partners among them; it would hold all of a set this small
    if not in_memory:
        dataset.ims = [None] * dataset.ni
    for start in range(0, dataset.ni, batch_size):
        yield dataset.collate_fn([dataset[index] for index in range(start, min(start + batch_size, dataset.ni))])


def _write_yolo(annotations: PackedAnnotations, folder: Path) -> None:
    """Links to the images and one text file each: class, then center and size as shares of the image's."""
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for index, annotation in enumerate(annotations):
        (folder / "images" / f"{index:07}{Path(annotation.path).suffix}").symlink_to(annotation.path)
        sides = np.array([annotation.width, annotation.height], np.float32)
        centers = (annotation.boxes[:, :2] + annotation.boxes[:, 2:]) / 2 / sides
        shares = np.concatenate([centers, (annotation.boxes[:, 2:] - annotation.boxes[:, :2]) / sides], axis=1)
        lines = [_line(*objects) for objects in zip(annotation.labels.tolist(), shares.tolist(), strict=True)]
        (folder / "labels" / f"{index:07}.txt").write_text("".join(lines))


def _line(label: int, shares: Sequence[float]) -> str:
    return " ".join([str(label), *(f"{share:.6f}" for share in shares)]) + "\n"
