"""From packed annotations to samples and batches; each sample is a pure function of seed, epoch and position."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from lightweight_ssd.annotations import PackedAnnotations
from lightweight_ssd.image_io import read_image
from lightweight_ssd.types import Annotation, Batch, SampleKey

__all__ = ["DetectionDataset", "Sample", "collate", "worker_init"]


class Sample(NamedTuple):
    """One image, ready for the network.

    Attributes:
        image: RGB, 0 to 255.
        boxes: xyxy in pixels of the network's input.
        labels: Class index, from 0.
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
    worker, and nothing is cached. Difficult objects are trained on like others.

    Args:
        annotations: Annotations of the split.
        augment: `augment.pipeline.Pipeline`, or a callable of its signature.
        seed: At least 0.

    Raises:
        FileNotFoundError: On access, if the image is missing.
        ValueError: On access, if the image cannot be read or has another size than its annotation says.
    """

    def __init__(self, annotations: PackedAnnotations, augment: Callable[..., tuple], seed: int = 0) -> None:
        self.annotations = annotations
        self.augment = augment
        self.seed = seed

    def __len__(self) -> int:
        return len(self.annotations)

    def __getitem__(self, key: SampleKey | int) -> Sample:
        """The sample of this key; a plain index means epoch 0 and the position of the same number."""
        if not isinstance(key, SampleKey):
            index = range(len(self))[key]  # counts negative ones from the end, as sequences do
            key = SampleKey(epoch=0, position=index, index=index)
        image, annotation = self.draw(key.index)
        generator = np.random.default_rng((self.seed, key.epoch, key.position))
        try:
            image, boxes, labels = self.augment(
                image,
                annotation.boxes,
                annotation.labels,
                generator=generator,
                epoch=key.epoch,
                draw=self.draw,
                count=len(self),
            )
        except Exception as error:
            error.add_note(f"This happened while augmenting {annotation.path} ({key}, seed {self.seed}).")
            raise
        return Sample(_to_tensor(image), torch.from_numpy(boxes), torch.from_numpy(labels), annotation, [])

    def draw(self, index: int) -> tuple[UInt8[np.ndarray, "H W 3"], Annotation]:
        """Image number `index` as it is on disk, RGB, with its annotation."""
        annotation = self.annotations[index]
        return read_image(annotation.path, expected_size=(annotation.height, annotation.width)), annotation


def _to_tensor(image: UInt8[np.ndarray, "H W 3"]) -> UInt8[Tensor, "3 H W"]:
    planes = np.empty((3, *image.shape[:2]), np.uint8)
    cv2.split(
        image, [planes[0], planes[1], planes[2]]
    )  # into the planes; ten times faster than numpy's transposing copy
    return torch.from_numpy(planes)


def collate(samples: list[Sample]) -> Batch:
    """Stacks samples; boxes are padded with 0 and labels with −1 to the largest count, which may be 0.

    Args:
        samples: At least one, with images of one size.
    """
    return Batch(
        images=torch.stack([sample.image for sample in samples]),
        boxes=pad_sequence([sample.boxes for sample in samples], batch_first=True),
        labels=pad_sequence([sample.labels for sample in samples], batch_first=True, padding_value=-1),
        annotations=[sample.annotation for sample in samples],
        skipped=[sentence for sample in samples for sentence in sample.skipped],
    )


def worker_init(worker_id: int) -> None:
    """Keeps a loader worker to one core: the workers themselves are the parallelism."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
