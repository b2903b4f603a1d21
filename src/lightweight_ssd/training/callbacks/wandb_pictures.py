"""A few validation images with their boxes on Weights & Biases, in its own format, so that it can filter them."""

from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer

from lightweight_ssd.tensor_types import Batch, Detections
from lightweight_ssd.training.loggers.wandb import OptionalWandb
from lightweight_ssd.training.task import DetectionTask
from lightweight_ssd.types import Annotation

__all__ = ["WandbPictures"]


class WandbPictures(Callback):
    """Sends the first images of every validation with ground truth and detections; does nothing without W&B.

    Args:
        images: Images per validation.
        score_threshold: Detections below it are left out, 0 to 1.
    """

    def __init__(self, images: int = 8, score_threshold: float = 0.3) -> None:
        self.images = images
        self.score_threshold = score_threshold
        self.collected: list[Any] = []

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        missing, logger = self.images - len(self.collected), _wandb_logger(trainer)
        if logger is None or trainer.sanity_checking or missing <= 0 or not trainer.is_global_zero:
            return
        assert isinstance(pl_module, DetectionTask)
        found = pl_module.detect(batch.images[:missing])
        names = pl_module.hparams["class_names"]
        logger.attempt(lambda run: self.collected.extend(self._pictures(batch, found, names)))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        logger, step = _wandb_logger(trainer), trainer.global_step
        if logger is not None and self.collected:
            logger.attempt(lambda run: run.log({"val/detections": self.collected, "trainer/global_step": step}))
        self.collected = []

    def _pictures(self, batch: Batch, found: list[Detections], names: list[str]) -> list[Any]:
        rows = zip(batch.images, found, batch.annotations, strict=False)  # detections are of the first images only
        return [self._picture(image.permute(1, 2, 0).cpu().numpy(), one, known, names) for image, one, known in rows]

    def _picture(self, image: np.ndarray, found: Detections, known: Annotation, names: list[str]) -> Any:
        import wandb

        height, width, known = *image.shape[:2], known.of_chosen_classes()
        kept = found.scores >= self.score_threshold
        relative = found.boxes[kept].cpu().numpy() / [width, height, width, height]
        truth = known.boxes / [known.width, known.height, known.width, known.height]
        classes = dict(enumerate(names))
        scores = found.scores[kept].tolist()
        boxes = {
            "detections": {
                "box_data": _box_data(relative, found.labels[kept].tolist(), scores),
                "class_labels": classes,
            },
            "ground_truth": {"box_data": _box_data(truth, known.labels.tolist(), None), "class_labels": classes},
        }
        return wandb.Image(image, boxes=boxes, caption=known.path.rsplit("/", 1)[-1])


def _box_data(relative: np.ndarray, labels: list[int], scores: list[float] | None) -> list[dict[str, Any]]:
    rows = []
    for index, (box, label) in enumerate(zip(relative.tolist(), labels, strict=True)):
        row = {"position": dict(zip(("minX", "minY", "maxX", "maxY"), box, strict=True)), "class_id": label}
        rows.append({**row, "scores": {"score": scores[index]}} if scores else row)
    return rows


def _wandb_logger(trainer: Trainer) -> OptionalWandb | None:
    loggers = (logger for logger in trainer.loggers if isinstance(logger, OptionalWandb))
    return next((logger for logger in loggers if not logger.lost), None)
