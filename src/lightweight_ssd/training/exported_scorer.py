"""Scores an exported file by the metrics of a detector: its own runtime takes the place of the network."""

import torch
from torch import Tensor, nn

from lightweight_ssd.metrics.coco import COCOMetric
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.ops.suppression import suppress
from lightweight_ssd.ops.thresholds import Thresholds
from lightweight_ssd.runtimes.runtime import Runtime
from lightweight_ssd.tensor_types import Batch, Detections
from lightweight_ssd.training.measure import Scorer, to_original_pixels

__all__ = ["ExportedScorer"]


class ExportedScorer(Scorer):
    """Takes batches through an exported file; there are no losses, since a file has no logits to compute them from.

    Args:
        runtime: Runs the file, on the CPU.
        thresholds: Of the post-processing.
        metric: Detections to mAP by VOC's rules.
        coco_metric: Detections to COCO's metrics; None = they are not computed.
    """

    def __init__(
        self, runtime: Runtime, thresholds: Thresholds, metric: VOCMetric, coco_metric: COCOMetric | None = None
    ) -> None:
        self.runtime, self.thresholds = runtime, thresholds
        self.class_names = metric.class_names
        self.metrics = [metric] if coco_metric is None else [metric, coco_metric]
        # `Measurement` brings both to the device; here is nothing to bring.
        self.detector = self.criterion = nn.Identity()

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Takes a batch in; returns no losses."""
        images = batch.images.cpu().numpy()
        size: tuple[int, int] = images.shape[2:]
        each = zip(*self.runtime.run(images), batch.annotations, strict=True)
        found = []
        for boxes, scores, known in each:
            one = Detections(*map(torch.from_numpy, suppress(boxes, scores, size, self.thresholds)))
            found.append(to_original_pixels(one, size, (known.height, known.width)))
        for metric in self.metrics:
            metric.update(found, batch.annotations)
        return {}
