"""The LightningModule: it passes batches to the parts it was given, and logs what they return."""

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
from lightweight_ssd.metrics.coco import COCOMetric
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.tensor_types import Batch
from lightweight_ssd.training.accumulation import Accumulation
from lightweight_ssd.training.datamodule import DetectionDataModule
from lightweight_ssd.training.measure import Scorer, check_processes
from lightweight_ssd.training.schedule import WarmupCosine

__all__ = ["DetectionTask", "parameter_groups"]


class DetectionTask(LightningModule):
    """Trains and validates one detector.

    Args:
        detector: Images to raw outputs.
        criterion: Raw outputs and ground truth to named, unweighted terms.
        metric: Detections to mAP by VOC's rules, which is always computed.
        optimizer: Completed with the parameter groups; its learning rate is the one for `reference_batch` images.
            None = it only measures.
        schedule: Factor on the learning rate per step.
        reference_batch: Images per step that the learning rate was chosen for; the paper's are 126.
        hparams: Plain dictionary that is stored in every checkpoint, enough to rebuild the detector (`config`,
            `class_names`, `category_ids`).
        channels_last: Keeps images and weights in channels-last memory order.
        coco_metric: Detections to COCO's metrics; None = they are not computed.

    Attributes:
        scorer: What validation measures; a test measures the same.

    Source: section 4.3; the linear scaling of the learning rate with the batch is this project's reading of it.
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
        self.scorer = Scorer(self.detector, criterion, metric, coco_metric, channels_last)
        self.optimizer = optimizer
        self.schedule = schedule
        self.reference_batch = reference_batch
        self.accumulation = Accumulation()

    def setup(self, stage: str) -> None:
        check_processes(self.trainer)

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        raw = self.detector(self.scorer.images(batch))
        matches = self.criterion.assign(raw.anchors, batch.boxes, batch.labels)
        terms = self.criterion(raw, batch.boxes, batch.labels, matches)
        loss = self.criterion.total(terms)
        matched = (matches >= 0).sum()
        logged = {"loss": loss, **terms, "matched": matched / len(batch.images)}  # anchors per image
        self._log_losses("train", logged, on_step=True, batch_size=len(batch.images))
        if (passes := self.trainer.accumulate_grad_batches) > 1:
            normalizer = self.criterion.normalizer(matches)
            loss = loss * self.accumulation.weight(normalizer, matched, is_first=batch_idx % passes == 0)
        return {"loss": loss, **{f"term/{name}": term.detach() for name, term in terms.items()}}

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        if (passes := self.trainer.accumulate_grad_batches) > 1:
            self.accumulation.rescale(self, passes)

    def on_validation_start(self) -> None:
        """Every rank measures rank 0's BatchNorm statistics, as a single process that loads the checkpoint will."""
        if self.trainer.world_size > 1:
            for buffer in self.detector.buffers():
                torch.distributed.broadcast(buffer, src=0)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._log_losses("val", self.scorer.update(batch), on_step=False, batch_size=len(batch.images))

    def on_validation_epoch_end(self) -> None:
        metrics = self.scorer.finish().scalars()
        self.log_dict({f"val/{name}": value for name, value in metrics.items()}, sync_dist=True)

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
        """Optimizer steps of the whole training."""
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

    def _log_losses(self, stage: str, losses: dict[str, Tensor], on_step: bool, batch_size: int) -> None:
        named = {f"{stage}/{name}": value for name, value in losses.items()}
        self.log_dict(named, on_step=on_step, on_epoch=not on_step, sync_dist=True, batch_size=batch_size)


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
