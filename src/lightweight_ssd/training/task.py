"""The LightningModule: it passes batches to the parts it was given, and names what they answer."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lightweight_ssd.detector.ssd import Detector
from lightweight_ssd.loss.criterion import Criterion
from lightweight_ssd.metrics.coco import COCOMetric, COCOResult
from lightweight_ssd.metrics.voc import VOCMetric, VOCResult
from lightweight_ssd.tensor_types import Batch, Detections
from lightweight_ssd.training.datamodule import DetectionDataModule
from lightweight_ssd.training.schedule import WarmupCosine

__all__ = ["DetectionTask", "parameter_groups", "to_original_pixels"]


class DetectionTask(LightningModule):
    """Trains and measures one detector.

    Args:
        detector: Images to raw outputs.
        criterion: Raw outputs and ground truth to named, unweighted terms.
        metric: Detections to mAP by VOC's rules, which is always computed.
        optimizer: Completed with the parameter groups; its rate is the one for `reference_batch` images. None = it
            only measures.
        schedule: Factor on the rate per step.
        reference_batch: Batch that the rate was made for, images; the paper's is 126.
        hparams: Plain dictionary that is stored in every checkpoint, enough to rebuild the detector (`config`,
            `class_names`, `category_ids`).
        channels_last: Keeps images and weights in channels-last memory order.
        coco_metric: Detections to COCO's figures; None = they are not computed.

    Source: section 4.3; the linear scaling of the rate is this project's reading of it (promise G30).
    """

    def __init__(
        self,
        detector: Detector,
        criterion: Criterion,
        metric: VOCMetric,
        optimizer: Callable[[Iterable[dict[str, Any]]], Optimizer] | None = None,
        schedule: WarmupCosine | None = None,
        reference_batch: int = 126,
        hparams: dict[str, Any] | None = None,
        channels_last: bool = False,
        coco_metric: COCOMetric | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(hparams or {}, logger=False)
        self.detector = detector.to(memory_format=torch.channels_last) if channels_last else detector
        self.criterion = criterion
        self.metric = metric
        self.coco_metric = coco_metric
        self.optimizer = optimizer
        self.schedule = schedule
        self.reference_batch = reference_batch
        self.channels_last = channels_last
        self.test_stage = "test"  # what the figures of a test are called
        self.last_result: VOCResult | None = None
        self.last_coco: COCOResult | None = None
        self.last_detections: dict[int, Detections] = {}

    def setup(self, stage: str) -> None:
        """Stops where the processes that are there are not those that the trainer counts on (promise G2)."""
        live = torch.distributed.get_world_size() if _in_group() else 1
        if live != self.trainer.world_size:
            raise ValueError(
                f"The trainer counts on {self.trainer.world_size} processes, but {live} are there, so each would train "
                "on a wrong share of the data; start this run by a command of its own."
            )

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        raw = self.detector(self._images(batch))
        matches = self.criterion.assign(raw.anchors, batch.boxes, batch.labels)
        terms = self.criterion(raw, batch.boxes, batch.labels, matches)
        loss = self.criterion.total(terms)
        matched = (matches >= 0).sum() / len(batch.images)  # anchors per image
        self._log_losses(
            "train", {"loss": loss, **terms, "matched": matched}, on_step=True, batch_size=len(batch.images)
        )
        return {"loss": loss, **{f"term/{name}": term.detach() for name, term in terms.items()}}

    def on_validation_start(self) -> None:
        """Every rank measures rank 0's BatchNorm statistics, as a single process that loads the checkpoint will."""
        if self.trainer.world_size > 1:
            for buffer in self.detector.buffers():
                torch.distributed.broadcast(buffer, src=0)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluate(batch, "val")

    def on_validation_epoch_end(self) -> None:
        self._log_result("val")

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluate(batch, self.test_stage)

    def on_test_epoch_end(self) -> None:
        self._log_result(self.test_stage)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        assert self.optimizer is not None and self.schedule is not None
        schedule, total_steps = self.schedule, self.total_steps
        optimizer = self.optimizer(parameter_groups(self.detector))
        for group in optimizer.param_groups:
            group["lr"] *= self.total_batch / self.reference_batch
        scheduler = LambdaLR(optimizer, lambda step: schedule.factor(step, total_steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    @property
    def total_steps(self) -> int:
        """Optimiser steps of the whole training."""
        trainer = self.trainer
        per_epoch = math.ceil(self._data.batches_per_epoch / trainer.accumulate_grad_batches)
        by_epochs = math.inf if trainer.max_epochs in (None, -1) else trainer.max_epochs * per_epoch
        by_steps = math.inf if trainer.max_steps < 0 else trainer.max_steps
        return int(min(by_epochs, by_steps))

    @property
    def total_batch(self) -> int:
        """Images per optimiser step over all devices, with gradient accumulation."""
        return self._data.batch_size * self.trainer.accumulate_grad_batches

    @property
    def _data(self) -> DetectionDataModule:
        return self.trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]

    def _images(self, batch: Batch) -> Tensor:
        if self.channels_last:
            return batch.images.contiguous(memory_format=torch.channels_last)
        return batch.images

    def _evaluate(self, batch: Batch, stage: str) -> None:
        raw = self.detector(self._images(batch))
        terms = self.criterion(raw, batch.boxes, batch.labels)
        losses = {"loss": self.criterion.total(terms), **terms}
        self._log_losses(stage, losses, on_step=False, batch_size=len(batch.images))
        height, width = batch.images.shape[-2:]
        found = self.detector.postprocess(raw, (height, width))
        pairs = zip(found, batch.annotations, strict=True)
        scaled = [to_original_pixels(one, (height, width), (known.height, known.width)) for one, known in pairs]
        for metric in filter(None, (self.metric, self.coco_metric)):
            metric.update(scaled, batch.annotations)

    def _log_losses(self, stage: str, losses: dict[str, Tensor], on_step: bool, batch_size: int) -> None:
        named = {f"{stage}/{name}": value for name, value in losses.items()}
        self.log_dict(named, on_step=on_step, on_epoch=not on_step, sync_dist=True, batch_size=batch_size)

    def _log_result(self, stage: str) -> None:
        """Logs mAP; every rank holds the same figures, computed once on rank 0 (promise G16)."""
        self.last_result = self.metric.compute()
        self.last_detections = self.metric.records() if stage != "val" else {}
        self.metric.reset()
        scalars = {f"{stage}/{name}": value for name, value in self.last_result.scalars().items()}
        if self.coco_metric is not None:
            self.last_coco = self.coco_metric.compute()
            self.coco_metric.reset()
            scalars |= {f"{stage}/coco_{name}": value for name, value in self.last_coco.scalars().items()}
        self.log_dict(scalars, sync_dist=True)


def _in_group() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def parameter_groups(module: nn.Module) -> list[dict[str, Any]]:
    """Splits parameters so that weight decay acts on convolution weights only, not on biases and BatchNorm.

    Args:
        module: Any module.

    Returns:
        Two groups for a `torch.optim` optimiser: weights of convolutions, and the rest with `weight_decay` 0.

    Example:
        >>> groups = parameter_groups(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)))
        >>> [len(group["params"]) for group in groups]
        [1, 3]

    Source: the framework that section 4.3 quotes regularises convolution weights only.
    """
    decayed = [child.weight for child in module.modules() if isinstance(child, nn.Conv2d)]
    known = {id(parameter) for parameter in decayed}
    rest = [parameter for parameter in module.parameters() if id(parameter) not in known]
    return [{"params": decayed}, {"params": rest, "weight_decay": 0.0}]


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
