"""Serves a data source to Lightning: loaders whose every sample is a function of seed, epoch and position only."""

import os
from contextlib import AbstractContextManager

import torch
from lightning.pytorch import LightningDataModule

from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.data.dataset import DetectionDataset
from lightweight_ssd.data.digest import digest, same_where_both
from lightweight_ssd.data.empty_split import has_objects, without_objects
from lightweight_ssd.data.formats.packed import PackedAnnotations, default_cache_dir
from lightweight_ssd.data.images.cache import PIXELS_FILE, ImageCache
from lightweight_ssd.data.images.cache_builder import open_image_cache, require_memory
from lightweight_ssd.data.loader import SampleLoader, naming_dead_workers, sample_loader
from lightweight_ssd.data.sampler import EpochSampler
from lightweight_ssd.data.source import Source
from lightweight_ssd.system.memory import read_into_memory
from lightweight_ssd.types import Annotation

__all__ = ["ROOM_FOR_CROPS", "DetectionDataModule", "loader_processes"]

_SPLITS = {"fit": ("train", "val"), "validate": ("val",)}  # by what the trainer does
ROOM_FOR_CROPS = 2  # a crop of half an image's side still fills the network's input without being magnified


def loader_processes(num_workers: int | None, local_ranks: int) -> int:
    """Loader processes of a device: the number that is given, or one per core, shared by the devices, at most 8.

    Args:
        num_workers: The setting; None = as many as there are cores.
        local_ranks: Devices of this machine.
    """
    return min(8, len(os.sched_getaffinity(0)) // local_ranks) if num_workers is None else num_workers


class DetectionDataModule(LightningDataModule):
    """Training and validation loaders, and the data of a test, which `SplitData` serves.

    The sampler hands (epoch, position, index) to the workers, and the sample is drawn from these and the seed. So the
    stream of augmentations does not depend on the number of workers or ranks, follows the epoch even in persistent
    workers, and continues exactly where a checkpoint left it.

    A cache of images serves training alone: validation and test read the files, so that no metric depends on it.

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
        self._read: dict[str, PackedAnnotations] = {}  # by read_ahead, until they are loaded

    def prepare_data(self) -> None:
        """Lets the first process of a machine write what the others read: drawn images and all caches."""
        for split in _SPLITS.get(self._stage, ()):
            self.read_ahead(split)

    def read_ahead(self, split: str) -> None:
        """Reads the annotations of a split, unless they are loaded, and with them writes what other processes read."""
        if split in self.datasets:
            return
        annotations = self._read[split] = self._annotations(split)
        if split == "train" and self.source.cache == "ram":
            require_memory(annotations, self._cache_side)  # before the work of building
        if split == "train" and (images := self._images(annotations)) and self.source.cache == "ram":
            read_into_memory(images.folder / PIXELS_FILE)

    def used_split(self, split: str) -> PackedAnnotations:
        """The annotations of a split as they are used, read ahead where they are not loaded."""
        if split not in self.datasets and split not in self._read:
            self.read_ahead(split)
        return self._read[split] if split in self._read else self.datasets[split].annotations

    def setup(self, stage: str) -> None:
        for split in _SPLITS.get(stage, ()):
            self.load(split)

    def load(self, split: str) -> DetectionDataset:
        """The data set of a split, made when it is first asked for."""
        if split not in self.datasets:
            self.datasets[split] = self._dataset(split)
        return self.datasets[split]

    def state_dict(self) -> dict[str, str]:
        """Which data a checkpoint comes from, so that no run is resumed with other data."""
        return {split: digest(dataset.annotations) for split, dataset in self.datasets.items()}

    def load_state_dict(self, state_dict: dict[str, str]) -> None:
        """Called by Lightning after `setup`."""
        if not same_where_both(self.state_dict(), state_dict):
            raise ValueError(
                "Expected the annotations that this run started with, but the data holds others: give the same "
                "data.root as before, or start again with resume=never (and init_from=CHECKPOINT to keep the weights)."
            )

    def naming_dead_workers(self) -> AbstractContextManager[None]:
        """Around all that reads from the loaders: names the image of a worker that is killed."""
        return naming_dead_workers(self.datasets.values())

    def _dataset(self, split: str) -> DetectionDataset:
        annotations = self._read.pop(split) if split in self._read else self._annotations(split)
        if split == "train":
            images = self._images(annotations)
            return DetectionDataset(annotations, self.augment, self.seed, images, self.source.on_bad)
        if not has_objects(annotations, split):
            raise ValueError(
                f"Expected objects for {split}, but got {without_objects(self.source, split, annotations)}."
            )
        return DetectionDataset(annotations, self.resize, self.seed, on_bad=self.source.on_bad)

    def _annotations(self, split: str) -> PackedAnnotations:
        return self.source.annotations(split).first(self.first_images)

    def _images(self, annotations: PackedAnnotations) -> ImageCache | None:
        if self.source.cache == "none":
            return None
        folder = self.source.cache_dir or default_cache_dir()
        return open_image_cache(annotations, self._cache_side, folder, self.source.on_bad)

    @property
    def _cache_side(self) -> int:
        return self.source.cache_side or ROOM_FOR_CROPS * max(self.augment.image_size)

    @property
    def _stage(self) -> str:
        """What the trainer does: fit or validate; without a trainer a loader for training is wanted."""
        return str(self.trainer.state.fn.value) if self.trainer and self.trainer.state.fn else "fit"

    def train_dataloader(self) -> SampleLoader:
        sampler = self._train_sampler()
        if self.trainer is not None:
            # Where the trainer's restored progress says that training stopped, to the batch. Lightning asks for the
            # loader after it has restored, as long as `trainer.estimated_stepping_batches` is not read before.
            seen = self.trainer.fit_loop.epoch_loop.batch_progress.total.ready
            sampler.epoch, sampler.start_batch = divmod(seen, self.batches_per_epoch)
        return self._loader(self.datasets["train"], sampler, sampler.batch_size, persistent=True)

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
        return EpochSampler(
            self.size("train"), batch_size, self.seed, self._rank, world_size, drop_last=True, passes=self._passes
        )

    def val_dataloader(self) -> SampleLoader:
        return self.eval_loader(self.datasets["val"], self._rank, self._world_size, persistent=True)

    def size(self, split: str) -> int:
        """Images of a split that are used."""
        return len(self.datasets[split])

    def used_annotations(self, split: str) -> list[Annotation]:
        """The annotations of the images that are used, in order."""
        return list(self.datasets[split].annotations)

    def eval_loader(self, dataset: DetectionDataset, rank: int, world_size: int, persistent: bool) -> SampleLoader:
        """All images of a data set in order; in the last round some come twice, so that all processes have work.

        Args:
            dataset: What to read.
            rank: Of this process.
            world_size: Number of processes.
            persistent: Whether the loader processes stay for the next pass.
        """
        batch_size = self.eval_batch_size
        sampler = EpochSampler(len(dataset), batch_size, self.seed, rank, world_size, shuffle=False, drop_last=False)
        return self._loader(dataset, sampler, batch_size, persistent)

    def _loader(
        self, dataset: DetectionDataset, sampler: EpochSampler, batch_size: int, persistent: bool
    ) -> SampleLoader:
        workers = self._workers(sampler.world_size)
        return sample_loader(
            dataset,
            batch_size=batch_size,
            sampler=sampler,
            num_workers=workers,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=persistent and workers > 0,
        )

    @property
    def ready_batches(self) -> int:
        """Batches that the loader processes of a device make before they are asked for."""
        return 2 * self._workers(self._world_size)  # as many as PyTorch's DataLoader gives each

    def _workers(self, world_size: int) -> int:
        return loader_processes(self.num_workers, int(os.environ.get("LOCAL_WORLD_SIZE", world_size)))

    @property
    def _passes(self) -> int:
        """Batches of an optimizer step."""
        return self.trainer.accumulate_grad_batches if self.trainer else 1

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer else 0

    @property
    def _world_size(self) -> int:
        return self.trainer.world_size if self.trainer else 1
