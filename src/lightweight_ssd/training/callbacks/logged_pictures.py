"""A few validation images with ground truth and detections drawn, for TensorBoard and MLflow."""

from typing import Any

import numpy as np
from jaxtyping import UInt8
from lightning.pytorch import Callback, LightningModule, Trainer

from lightweight_ssd.plots.detections import draw_boxes
from lightweight_ssd.tensor_types import Batch, Detections
from lightweight_ssd.training.loggers.guest import guests
from lightweight_ssd.training.task import DetectionTask
from lightweight_ssd.types import Annotation

__all__ = ["LoggedPictures"]


class LoggedPictures(Callback):
    """Sends the first images of every validation as one picture, ground truth on the left, to loggers that take it.

    Args:
        images: Images per validation.
        score_threshold: Detections below it are not drawn, 0 to 1.
    """

    def __init__(self, images: int = 8, score_threshold: float = 0.3) -> None:
        self.images = images
        self.score_threshold = score_threshold
        self.collected: list[UInt8[np.ndarray, "H W 3"]] = []

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        missing = self.images - len(self.collected)
        if missing <= 0 or trainer.sanity_checking or not guests(trainer):
            return
        assert isinstance(pl_module, DetectionTask)
        found = pl_module.detect(batch.images[:missing])
        names = pl_module.hparams["class_names"]
        for image, one, known in zip(batch.images, found, batch.annotations, strict=False):
            self.collected.append(self._drawn(image.permute(1, 2, 0).cpu().numpy(), one, known, names))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pictures, self.collected = self.collected, []
        step = max(0, trainer.global_step - 1)  # that of the validation's metrics
        for guest in guests(trainer) if pictures else ():
            sheet = np.concatenate(pictures)
            guest.attempt(lambda guest=guest, sheet=sheet: guest.send_picture("val/detections", sheet, step))

    def _drawn(
        self, image: UInt8[np.ndarray, "H W 3"], found: Detections, known: Annotation, names: list[str]
    ) -> UInt8[np.ndarray, "H 2*W 3"]:
        height, width, known = *image.shape[:2], known.of_chosen_classes()
        scale = np.array([width / known.width, height / known.height] * 2)
        kept = found.scores >= self.score_threshold
        boxes, labels, scores = (column[kept].float().cpu().numpy() for column in found)
        truth = draw_boxes(image, known.boxes * scale, known.labels, names)
        return np.concatenate([truth, draw_boxes(image, boxes, labels.astype(np.int64), names, scores)], 1)
