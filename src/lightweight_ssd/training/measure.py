"""Measures a detector on a split: what validation and test share, and the loop of the test.

The loop is Lightning's, so that a measurement runs on the devices and processes of its trainer. What it found leaves
the loop by a function that it is given, not by attributes that somebody must read in time.
"""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from lightweight_ssd.detector.inference import prepared_for_inference
from lightweight_ssd.metrics.coco import COCOMetric, COCOResult
from lightweight_ssd.metrics.voc import VOCMetric, VOCResult
from lightweight_ssd.system.allocator import keep_freed_memory
from lightweight_ssd.tensor_types import Batch, Detections
from lightweight_ssd.training.split_data import SplitData

__all__ = ["Measured", "Measurement", "Scorer", "check_processes", "measure", "to_original_pixels"]


class Measured(NamedTuple):
    """What was measured on a split; every process holds the same metrics.

    Attributes:
        result: By VOC's rules.
        coco: By COCO's rules; None where they were not asked for.
        detections: By image id, boxes in pixels of the image files; on the first process those of all images.
    """

    result: VOCResult
    coco: COCOResult | None
    detections: dict[int, Detections]

    def scalars(self) -> dict[str, float]:
        """The means alone, for a logger; those of COCO begin with `coco_`."""
        coco = self.coco.scalars() if self.coco else {}
        return {**self.result.scalars(), **{f"coco_{name}": value for name, value in coco.items()}}


class Scorer:
    """Takes batches through a detector and scores all images of a split at once.

    Args:
        detector: As for `DetectionTask`.
        criterion: Likewise.
        metric: Detections to mAP by VOC's rules.
        coco_metric: Detections to COCO's metrics; None = they are not computed.
        channels_last: Brings the images into channels-last memory order.
    """

    def __init__(
        self,
        detector: nn.Module,
        criterion: nn.Module,
        metric: VOCMetric,
        coco_metric: COCOMetric | None = None,
        channels_last: bool = False,
    ) -> None:
        self.detector: Any = detector
        self.criterion: Any = criterion
        self.class_names = metric.class_names
        self.metrics = [metric] if coco_metric is None else [metric, coco_metric]
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format

    def images(self, batch: Batch) -> Tensor:
        """The images of a batch in the detector's memory order."""
        return batch.images.contiguous(memory_format=self.memory_format)

    def for_inference(self) -> "Scorer":
        """The same with a copy of the detector that infers faster on a CPU; what comes in counts for both."""
        scorer = copy.copy(self)
        scorer.detector = prepared_for_inference(self.detector)
        scorer.memory_format = torch.channels_last
        return scorer

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Takes a batch in.

        Returns:
            Its losses: `loss`, the weighted sum, and each term.
        """
        raw = self.detector(self.images(batch))
        terms = self.criterion(raw, batch.boxes, batch.labels).terms
        height, width = batch.images.shape[-2:]
        found = self.detector.postprocess(raw, (height, width))
        pairs = zip(found, batch.annotations, strict=True)
        scaled = [to_original_pixels(one, (height, width), (known.height, known.width)) for one, known in pairs]
        for metric in self.metrics:
            metric.update(scaled, batch.annotations)
        return {"loss": self.criterion.total(terms), **terms}

    def finish(self) -> Measured:
        """Scores what came in and forgets it; computed on the first process, which hands it to the others."""
        result, *coco = [metric.compute() for metric in self.metrics]
        detections = self.metrics[0].records()
        for metric in self.metrics:
            metric.reset()
        return Measured(result, coco[0] if coco else None, detections)  # pyright: ignore[reportArgumentType]


class Measurement(LightningModule):
    """One pass over one split.

    Args:
        scorer: What is measured, and by which metrics.
        stage: What the metrics are logged under, such as `test`.
        deliver: Gets what was measured, once, on every process.
    """

    def __init__(self, scorer: Scorer, stage: str, deliver: Callable[[Measured], object]) -> None:
        super().__init__()
        self.modules_on_device = nn.ModuleList([scorer.detector, scorer.criterion])
        self.scorer = scorer
        self.stage = stage
        self.deliver = deliver

    def setup(self, stage: str) -> None:
        check_processes(self.trainer)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        losses = {f"{self.stage}/{name}": value for name, value in self.scorer.update(batch).items()}
        self.log_dict(losses, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(batch.images))

    def on_test_epoch_end(self) -> None:
        measured = self.scorer.finish()
        self.log_dict({f"{self.stage}/{name}": value for name, value in measured.scalars().items()}, sync_dist=True)
        self.deliver(measured)


def measure(trainer: Trainer, scorer: Scorer, data: SplitData, stage: str | None = None) -> Measured:
    """Measures a detector on a split, with the weights that it has.

    Args:
        trainer: Whose devices, processes and loggers are used.
        scorer: What is measured, and by which metrics.
        data: The split.
        stage: What the metrics are logged under; None = the name of the split.

    Returns:
        The metrics and the detections.

    Raises:
        ValueError: A loader process was killed, or the trainer counts on processes that are not there.
    """
    if _infers_faster(trainer, scorer.detector):
        keep_freed_memory()
        scorer = scorer.for_inference()
    found: list[Measured] = []
    with data.naming_dead_workers():
        trainer.test(Measurement(scorer, stage or data.split, found.append), datamodule=data, verbose=False)
    (measured,) = found
    return measured


def _infers_faster(trainer: Trainer, detector: nn.Module) -> bool:
    """Whether a copy made for inference pays off: on a CPU, in single precision, where nothing was compiled.

    Where an exported file does the work, there is no detector to copy.
    """
    if next(detector.parameters(), None) is None:
        return False
    compiled = detector._compiled_call_impl is not None  # pyright: ignore[reportAttributeAccessIssue]
    return trainer.strategy.root_device.type == "cpu" and str(trainer.precision) == "32-true" and not compiled


def check_processes(trainer: Trainer) -> None:
    """Stops where the processes that are there are not those that the trainer counts on."""
    live = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
    if live != trainer.world_size:
        raise ValueError(
            f"The trainer counts on {trainer.world_size} processes, but {live} are there, so each would train "
            "on a wrong share of the data; start this run by a command of its own."
        )


def to_original_pixels(found: Detections, network: tuple[int, int], original: tuple[int, int]) -> Detections:
    """Scales boxes from the network's input to the image file.

    Args:
        found: Detections in pixels of the network's input.
        network: (height, width) of the network's input, pixels.
        original: (height, width) of the image file, pixels.

    Returns:
        The same detections in pixels of the image file.
    """
    y, x = original[0] / network[0], original[1] / network[1]
    return found._replace(boxes=found.boxes * found.boxes.new_tensor([x, y, x, y]))
