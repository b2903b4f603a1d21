"""The LightningModule: it passes batches to the parts it was given, and logs what they return."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lightweight_ssd.metrics.coco import COCOMetric
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.tensor_types import Batch, Detections
from lightweight_ssd.training.accumulation import Accumulation
from lightweight_ssd.training.datamodule import DetectionDataModule
from lightweight_ssd.training.measure import Scorer, check_processes
from lightweight_ssd.training.schedule import WarmupCosine

__all__ = ["DetectionTask", "parameter_groups"]


class DetectionTask(LightningModule):
    """Trains and validates one detector.

    Args:
        detector: Images to raw outputs, `detector(images, boxes, labels)`, and these to detections,
            `detector.postprocess(raw, size)`; what the raw outputs are is between it and its criterion.
        criterion: Raw outputs and ground truth to `Losses`; `criterion.total(terms)` is what training minimizes.
        metric: Detections to mAP by VOC's rules, which is always computed.
        optimizer: Completed with the parameter groups; its learning rate is the one for `reference_batch` images.
            None = it only measures.
        schedule: Factor on the learning rate per step.
        reference_batch: Images per step that the learning rate was chosen for; the paper's are 126.
        hparams: Plain dictionary that is stored in every checkpoint, enough to rebuild the detector (`config`,
            `class_names`, `category_ids`).
        channels_last: Keeps images and weights in channels-last memory order.
        coco_metric: Detections to COCO's metrics; None = they are not computed.
        lr_factors: Factor on the learning rate by part of the detector, such as `{"backbone.features": 0.1}`; 0 = its
            weights and its statistics stay as they are, and no gradient is computed for them.

    Attributes:
        scorer: What validation measures; a test measures the same.

    Source: section 4.3; the linear scaling of the learning rate with the batch is this project's reading of it.
    """

    def __init__(
        self,
        detector: nn.Module,
        criterion: nn.Module,
        metric: VOCMetric,
        optimizer: Callable[[Iterable[dict[str, Any]]], Optimizer] | None = None,
        schedule: WarmupCosine | None = None,
        reference_batch: int = 126,
        hparams: dict[str, Any] | None = None,
        channels_last: bool = False,
        coco_metric: COCOMetric | None = None,
        lr_factors: Mapping[str, int | float] | None = None,
    ) -> None:
        super().__init__()
        self.groups = parameter_groups(detector, lr_factors)
        self.save_hyperparameters(hparams or {}, logger=False)
        self.detector: Any = detector.to(memory_format=torch.channels_last) if channels_last else detector
        self.criterion: Any = criterion
        self.scorer = Scorer(self.detector, criterion, metric, coco_metric, channels_last)
        self.optimizer = optimizer
        self.schedule = schedule
        self.reference_batch = reference_batch
        self.accumulation = Accumulation()

    def setup(self, stage: str) -> None:
        check_processes(self.trainer)

    def on_train_epoch_start(self) -> None:
        """Batch normalizations whose weights are kept use, and keep, their statistics."""
        for module in self.detector.modules():
            if isinstance(module, _BatchNorm) and module.weight is not None and not module.weight.requires_grad:
                module.eval()

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        raw = self.detector(self.scorer.images(batch), batch.boxes, batch.labels)
        terms, matched, divisor = self.criterion(raw, batch.boxes, batch.labels)
        loss = self.criterion.total(terms)
        logged = {"loss": loss, **terms, "matched": matched / len(batch.images)}  # anchors per image
        self._log_losses("train", logged, on_step=True, batch_size=len(batch.images))
        if (passes := self.trainer.accumulate_grad_batches) > 1:
            loss = loss * self.accumulation.weight(divisor, is_first=batch_idx % passes == 0)
        return {"loss": loss, **{f"term/{name}": term.detach() for name, term in terms.items()}}

    @torch.no_grad()
    def detect(self, images: Tensor) -> list[Detections]:
        """What is found in images of a validation, in pixels of the network's input."""
        height, width = images.shape[-2:]
        return self.detector.postprocess(self.detector(images), (height, width))

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
        optimizer = self.optimizer([dict(group) for group in self.groups])
        for group in optimizer.param_groups:
            group["lr"] *= group.pop("lr_factor") * self.total_batch / self.reference_batch
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


def parameter_groups(module: nn.Module, lr_factors: Mapping[str, int | float] | None = None) -> list[dict[str, Any]]:
    """Splits parameters: weight decay acts on weights of convolutions and linear layers, not on biases and BatchNorm.

    Args:
        module: Any module. Parameters with the factor 0 get no gradient any more.
        lr_factors: Factor on the learning rate by the beginning of parameters' names, whole parts of them; of several
            that fit, the longest counts. Others have the factor 1.

    Returns:
        Two groups per factor for a `torch.optim` optimizer, with `lr_factor`: weights of convolutions and linear
        layers, and the rest with `weight_decay` 0; the largest factor first.

    Raises:
        ValueError: For a factor below 0, or a name that fits no parameter.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        >>> [(len(group["params"]), group["lr_factor"]) for group in parameter_groups(net)]
        [(1, 1.0), (3, 1.0)]
        >>> [(len(group["params"]), group["lr_factor"]) for group in parameter_groups(net, {"1": 0.5})]
        [(1, 1.0), (1, 1.0), (2, 0.5)]

    Source: the framework that section 4.3 quotes regularizes the weights of convolutions only. The paper's detector has
    no linear layers; those of other detectors are decayed alike.
    """
    factors = dict(lr_factors or {})
    _check_factors(factors, [name for name, _ in module.named_parameters()])
    decayed = {id(child.weight) for child in module.modules() if isinstance(child, nn.Conv2d | nn.Linear)}
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        factor = float(factors[max(fitting, key=len)]) if (fitting := _fitting(name, factors)) else 1.0
        parameter.requires_grad_(parameter.requires_grad and factor > 0)
        if factor > 0:
            groups.setdefault((factor, id(parameter) not in decayed), []).append(parameter)
    ordered = sorted(groups.items(), key=lambda item: (-item[0][0], item[0][1]))
    return [
        {"params": parameters, "lr_factor": factor, **({"weight_decay": 0.0} if rest else {})}
        for (factor, rest), parameters in ordered
    ]


def _fitting(name: str, factors: Mapping[str, int | float]) -> list[str]:
    return [prefix for prefix in factors if f"{name}.".startswith(f"{prefix}.")]


def _check_factors(factors: Mapping[str, int | float], names: Sequence[str]) -> None:
    for prefix, factor in factors.items():
        if not any(_fitting(name, {prefix: factor}) for name in names):
            known = sorted({".".join(name.split(".")[:2]) for name in names})
            raise ValueError(f"Expected lr_factors for parts of the detector ({', '.join(known)}) but got {prefix!r}.")
        if factor < 0:
            raise ValueError(f"Expected lr_factors of at least 0 but got {factor} for {prefix}; 0 keeps its weights.")
