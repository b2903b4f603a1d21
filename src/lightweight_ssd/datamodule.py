"""Serves a data source to Lightning: loaders whose every sample is a function of seed, epoch and position only."""

import os
from typing import Protocol, runtime_checkable

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from lightweight_ssd.annotations import PackedAnnotations
from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.dataset import DetectionDataset, collate, worker_init
from lightweight_ssd.sampling import EpochSampler
from lightweight_ssd.types import Annotation

__all__ = ["DetectionDataModule", "Source"]


@runtime_checkable
class Source(Protocol):
    """What `data/<name>.py` offers: the class names and the packed annotations of a split."""

    class_names: tuple[str, ...]

    def annotations(self, split: str) -> PackedAnnotations: ...


class DetectionDataModule(LightningDataModule):
    """Training, validation and test loaders.

    The sampler hands (epoch, position, index) to the workers, and the sample is drawn from these and the seed. So the
    stream of augmentations does not depend on the number of workers or ranks, follows the epoch even in persistent
    workers, and goes on exactly where a checkpoint left it (promises G22, G28, G31).

    Args:
        source: Data source.
        augment: Pipeline of the training images.
        resize: Pipeline of the validation and test images.
        batch_size: Images per step over all devices; every device takes its equal share.
        eval_batch_size: Images per device in validation and test.
        num_workers: Loader processes per device; None = one per core, shared by the devices, at most 8.
        seed: Seed of order and augmentation.
        first_images: Only so many images of each split, from its start; None = all.

    Raises:
        ValueError: If the batch does not divide by the number of devices.
    """

    def __init__(
        self,
        source: Source,
        augment: Pipeline,
        resize: Pipeline,
        batch_size: int = 126,
        eval_batch_size: int = 32,
        num_workers: int | None = None,
        seed: int = 0,
        first_images: int | None = None,
    ) -> None:
        super().__init__()
        if batch_size < 1 or eval_batch_size < 1:
            raise ValueError(
                f"Expected batch_size and eval_batch_size of at least 1, but got {batch_size}, {eval_batch_size}."
            )
        self.source = source
        self.augment = augment
        self.resize = resize
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.num_workers = num_workers
        self.seed = seed
        self.first_images = first_images
        self.datasets: dict[str, DetectionDataset] = {}

    def prepare_data(self) -> None:
        """Lets the first process of a machine write what the others read: the drawn data set, the annotation cache."""
        self.source.annotations("train")

    def setup(self, stage: str) -> None:
        splits = {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}.get(stage, ())
        for split in splits:
            if split not in self.datasets:
                pipeline = self.augment if split == "train" else self.resize
                annotations = self.source.annotations(split)
                if split != "train" and (annotations.difficult | annotations.crowd).all():
                    raise ValueError(
                        f"The {split} split has no object that counts (none at all, or all are difficult), so mAP is "
                        f"undefined; choose another split for data.{split}."
                    )
                self.datasets[split] = DetectionDataset(annotations, pipeline, self.seed)

    def train_dataloader(self) -> DataLoader:
        sampler = self._train_sampler()
        if self.trainer is not None:
            # Where the trainer's restored progress says that training stopped, to the batch. Lightning asks for the
            # loader after it has restored, as long as nobody reads `trainer.estimated_stepping_batches` before.
            seen = self.trainer.fit_loop.epoch_loop.batch_progress.total.ready
            sampler.epoch, sampler.start_batch = divmod(seen, self.batches_per_epoch)
        return self._loader("train", sampler, sampler.batch_size, persistent=True)

    @property
    def batches_per_epoch(self) -> int:
        """Training batches of an epoch on each device."""
        sampler = self._train_sampler()
        available = -(-len(sampler) // sampler.batch_size)
        limit = None if self.trainer is None else self.trainer.limit_train_batches
        wanted = limit if isinstance(limit, int) else int(available * (1.0 if limit is None else limit))
        return max(1, min(available, wanted))

    def _train_sampler(self) -> EpochSampler:
        world_size = self._world_size
        if self.batch_size % world_size:
            raise ValueError(
                f"batch_size={self.batch_size} does not divide by the {world_size} devices; "
                f"set it to a multiple of {world_size}: it counts the images of a step over all devices."
            )
        batch_size = self.batch_size // world_size
        return EpochSampler(self.size("train"), batch_size, self.seed, self._rank, world_size, drop_last=True)

    def val_dataloader(self) -> DataLoader:
        return self._eval_loader("val")

    def test_dataloader(self) -> DataLoader:
        return self._eval_loader("test")

    def size(self, split: str) -> int:
        """Images of a split that are used."""
        return min(len(self.datasets[split]), self.first_images or len(self.datasets[split]))

    def used_annotations(self, split: str) -> list[Annotation]:
        """The annotations of the images that are used, in order."""
        return [self.datasets[split].annotations[index] for index in range(self.size(split))]

    def _eval_loader(self, split: str) -> DataLoader:
        sampler = EpochSampler(
            self.size(split),
            self.eval_batch_size,
            self.seed,
            self._rank,
            self._world_size,
            shuffle=False,
            drop_last=False,
        )
        return self._loader(split, sampler, self.eval_batch_size, persistent=split == "val")

    def _loader(self, split: str, sampler: EpochSampler, batch_size: int, persistent: bool) -> DataLoader:
        workers = self._workers()
        return DataLoader(
            self.datasets[split],
            batch_size=batch_size,
            sampler=sampler,  # pyright: ignore[reportArgumentType]  # it yields keys, not integers
            num_workers=workers,
            collate_fn=collate,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=persistent and workers > 0,
            worker_init_fn=worker_init,
        )

    def _workers(self) -> int:
        if self.num_workers is not None:
            return self.num_workers
        local_ranks = int(os.environ.get("LOCAL_WORLD_SIZE", self._world_size))
        return min(8, len(os.sched_getaffinity(0)) // local_ranks)

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer else 0

    @property
    def _world_size(self) -> int:
        return self.trainer.world_size if self.trainer else 1
