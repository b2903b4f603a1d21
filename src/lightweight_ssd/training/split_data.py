"""One split of a data module as Lightning's test loop reads it, also with other images than the data module's own."""

from contextlib import AbstractContextManager

from lightning.pytorch import LightningDataModule

from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.data.dataset import DetectionDataset
from lightweight_ssd.data.loader import SampleLoader, naming_dead_workers
from lightweight_ssd.training.datamodule import DetectionDataModule

__all__ = ["SplitData"]


class SplitData(LightningDataModule):
    """One split, served once, in order.

    Args:
        data: Whose split it is.
        split: `val` or `test`.
        resize: Pipeline of the images, to measure another version of them; None = the data module's own.

    Attributes:
        datasets: The data set by the name of the split, once Lightning has set it up.
    """

    def __init__(self, data: DetectionDataModule, split: str, resize: Pipeline | None = None) -> None:
        super().__init__()
        self.data = data
        self.split = split
        self.resize = resize
        self.datasets: dict[str, DetectionDataset] = {}

    def prepare_data(self) -> None:
        """Lets the first process of a machine write what the others read."""
        self.data.read_ahead(self.split)

    def setup(self, stage: str) -> None:
        dataset = self.data.load(self.split)
        if self.resize is not None:
            dataset = DetectionDataset(dataset.annotations, self.resize, dataset.seed, on_bad=dataset.on_bad)
        self.datasets[self.split] = dataset

    def test_dataloader(self) -> SampleLoader:
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        return self.data.eval_loader(self.datasets[self.split], rank, world_size, persistent=False)

    def naming_dead_workers(self) -> AbstractContextManager[None]:
        """Around all that reads from the loader: names the image of a worker that is killed."""
        return naming_dead_workers(self.datasets.values())
