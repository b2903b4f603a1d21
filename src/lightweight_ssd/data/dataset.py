"""From packed annotations to samples and batches; each sample is a pure function of seed, epoch and position."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.images.cache import ImageCache
from lightweight_ssd.data.images.reader import read_image
from lightweight_ssd.data.images.recent import RecentImages
from lightweight_ssd.data.sampler import NEAR
from lightweight_ssd.data.worker_log import ReadingNotes
from lightweight_ssd.tensor_types import Batch
from lightweight_ssd.types import Annotation, SampleKey

__all__ = ["DetectionDataset", "Sample", "collate", "worker_init"]

_MOST_RECENT_BYTES = 64 * 2**20  # of decoded images that a worker keeps for Mosaic
_MOST_BAD_IN_A_ROW = 100  # more of them is no longer a data set with a few broken files


class Sample(NamedTuple):
    """One image, ready for the network.

    Attributes:
        image: RGB, 0 to 255.
        boxes: xyxy in pixels of the network's input.
        labels: Class index, from 0; `OTHER_CLASS` where nothing is to be learned.
        annotation: The untouched annotation of the image; Mosaic's partners are not in it.
        skipped: One sentence for each image that could not be read and was replaced by the next one.
    """

    image: UInt8[Tensor, "3 H W"]
    boxes: Float32[Tensor, "N 4"]
    labels: Int64[Tensor, " N"]
    annotation: Annotation
    skipped: list[str]


class DetectionDataset(Dataset[Sample]):
    """Reads and augments images.

    The generator of a sample is made from (seed, epoch, position in the epoch's order over all ranks). So the
    stream of augmentations differs between epochs, positions and hence ranks, but not with the number of workers,
    and a resumed run continues it; the epoch reaches persistent workers with the key. Nothing has to be seeded in a
    worker. Difficult objects are trained on like others, crowd regions are left out, and those of `OTHER_CLASS` stay,
    for the loss to ignore.

    A recipe that mixes nearby images draws them from those that the key calls near. Read from files, a worker keeps the
    last 16 of them, up to 64 MB, so that each is decoded once; which images are kept changes no sample.

    Args:
        annotations: Annotations of the split.
        augment: `augment.pipeline.Pipeline`, or a callable of its signature.
        seed: At least 0.
        images: The same images, decoded and resized; None reads the files.
        on_bad: `error` raises at an image that cannot be used; `skip` takes the next good one in its place.

    Attributes:
        notes: Which image each loader worker is reading.

    Raises:
        FileNotFoundError: On access, if the image is missing.
        ValueError: On access, if the image cannot be read or has another size than its annotation says.
    """

    def __init__(
        self,
        annotations: PackedAnnotations,
        augment: Callable[..., tuple],
        seed: int = 0,
        images: ImageCache | None = None,
        on_bad: str = "error",
    ) -> None:
        self.annotations = annotations
        self.augment = augment
        self.seed = seed
        self.images = images
        self.on_bad = on_bad
        self.notes = ReadingNotes()
        self._nearby = any(getattr(mixer, "nearby", False) for mixer in getattr(augment, "mixers", ()))
        self._recent = RecentImages(NEAR, _MOST_RECENT_BYTES) if self._nearby and images is None else None

    def __len__(self) -> int:
        return len(self.annotations)

    def __getitem__(self, key: SampleKey | int) -> Sample:
        """The sample of this key; a plain index means epoch 0 and the position of the same number."""
        if not isinstance(key, SampleKey):
            index = range(len(self))[key]  # counts negative ones from the end, as sequences do
            key = SampleKey(epoch=0, position=index, index=index)
        skipped: list[str] = []
        image, annotation = self._read_good(key.index, skipped)
        target = _to_learn(annotation, image)
        generator = np.random.default_rng((self.seed, key.epoch, key.position))
        near = [index for index in key.near if index != key.index] if self._nearby else []
        partners = near or range(len(self))
        try:
            image, boxes, labels = self.augment(
                image,
                target.boxes,
                target.labels,
                generator=generator,
                epoch=key.epoch,
                draw=lambda number: self.draw(partners[number], skipped),
                count=len(partners),
            )
        except Exception as error:
            error.add_note(f"This happened while augmenting {annotation.path} ({key}, seed {self.seed}).")
            raise
        return Sample(_to_tensor(image), torch.from_numpy(boxes), torch.from_numpy(labels), annotation, skipped)

    def draw(self, index: int, skipped: list[str] | None = None) -> tuple[UInt8[np.ndarray, "H W 3"], Annotation]:
        """Image number `index`, RGB, as the file or the cache has it, with what training learns from it.

        Args:
            index: From 0.
            skipped: Gets a sentence for each image that could not be used and was replaced by the next one.

        Returns:
            The image, read-only if cached, and the annotation in its pixels, without crowd regions.
        """
        image, annotation = self._read_good(index, [] if skipped is None else skipped)
        return image, _to_learn(annotation, image)

    def _read_good(self, index: int, skipped: list[str]) -> tuple[UInt8[np.ndarray, "H W 3"], Annotation]:
        """The image, or with `on_bad=skip` the next good one, and its untouched annotation."""
        tries = range(index, index + min(len(self), _MOST_BAD_IN_A_ROW))
        for number in (each % len(self) for each in tries):
            annotation = self.annotations[number]
            self.notes.write(number)
            try:
                return self._read(number, annotation), annotation
            except (OSError, ValueError) as error:
                if self.on_bad == "error":
                    raise
                skipped.append(str(error))
        raise ValueError(
            f"Expected data.on_bad=skip to leave out a few wrong files at most, but {len(tries)} in a row cannot "
            f"be used, the last for this: {skipped[-1]}"
        )

    def _read(self, index: int, annotation: Annotation) -> UInt8[np.ndarray, "H W 3"]:
        if self.images is not None:
            return self.images[index]
        image = None if self._recent is None else self._recent.get(index)
        if image is None:
            image = read_image(annotation.path, expected_size=(annotation.height, annotation.width))
            if self._recent is not None:
                self._recent.keep(index, image)
        return image


def _to_learn(annotation: Annotation, image: UInt8[np.ndarray, "H W 3"]) -> Annotation:
    """The annotation without crowd regions, in the pixels of its image, which a cache has smaller than the file."""
    if any(annotation.crowd.tolist()):  # of a few, faster than NumPy's
        annotation = annotation.objects(~annotation.crowd)
    height, width = image.shape[:2]
    if (height, width) == (annotation.height, annotation.width):
        return annotation
    sides = np.array([width, height] * 2, np.float32)
    boxes = annotation.boxes * (sides / np.array([annotation.width, annotation.height] * 2, np.float32))
    areas = annotation.areas * np.float32(height * width / (annotation.height * annotation.width))
    # A box that ends with the image must not end a rounding error behind it.
    return annotation._replace(height=height, width=width, boxes=np.minimum(boxes, sides), areas=areas)


def _to_tensor(image: UInt8[np.ndarray, "H W 3"]) -> UInt8[Tensor, "3 H W"]:
    """A view: the planes are written once, by `collate`, to where the batch needs them."""
    image = image if image.flags.writeable else image.copy()  # straight from a cache: tensors cannot be read-only
    return torch.from_numpy(image.transpose(2, 0, 1))


def collate(samples: Iterable[Sample], count: int | None = None) -> Batch:
    """Joins samples; boxes are padded with 0 and labels with −1 to the largest count, which may be 0.

    An image is written into the batch before the next sample is asked for, so that those of a generator never exist all
    at once: memory of that size would be given back to the system after each batch, and asked for again page by page.

    Args:
        samples: At least one, with images of one size.
        count: How many; None where `samples` has a length.
    """
    images, rows, rest = None, np.empty(0), []
    for place, (image, *others) in enumerate(samples):
        if images is None:
            images = _room(len(samples) if count is None else count, image.shape)  # pyright: ignore[reportArgumentType]
            rows = images.numpy()
        _write(image.numpy(), rows[place])
        rest.append(others)
    if images is None:
        raise ValueError("Expected at least one sample for a batch, but got none: leave empty batches out.")
    boxes, labels, annotations, skipped = zip(*rest, strict=True)
    return Batch(
        images=images,
        boxes=pad_sequence(list(boxes), batch_first=True),
        labels=pad_sequence(list(labels), batch_first=True, padding_value=-1),
        annotations=list(annotations),
        skipped=[sentence for sentences in skipped for sentence in sentences],
    )


def _room(count: int, shape: Sequence[int]) -> UInt8[Tensor, "B 3 H W"]:
    """Memory for the images of a batch.

    In a loader worker it is shared with the training process, as PyTorch's own collate has it; it would be copied there
    otherwise.
    """
    if torch.utils.data.get_worker_info() is None:
        # numpy, unlike PyTorch, asks for huge pages: the 34 MB of a batch then cost a few page faults, not thousands.
        return torch.from_numpy(np.empty((count, *shape), np.uint8))
    storage = torch.UntypedStorage._new_shared(count * int(np.prod(shape)), device="cpu")
    return torch.empty(0, dtype=torch.uint8).set_(storage).view(count, *shape)


def _write(image: UInt8[np.ndarray, "3 H W"], planes: UInt8[np.ndarray, "3 h w"]) -> None:
    """Copies the planes of an image into the batch; splitting it is ten times faster than a transposing copy."""
    if image.shape != planes.shape:
        sizes = sorted({image.shape, planes.shape})
        raise ValueError(f"Expected images of one size in a batch, but got {sizes}.")
    if image.flags.c_contiguous:
        planes[:] = image
    else:
        cv2.split(image.transpose(1, 2, 0), [*planes])


def worker_init(worker_id: int) -> None:
    """Keeps a loader worker to one core: the workers themselves are the parallelism."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
