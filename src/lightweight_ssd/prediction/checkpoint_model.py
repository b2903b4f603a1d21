"""A model whose network PyTorch runs, as it comes from a checkpoint."""

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from lightweight_ssd.checkpoint.load import load_trained
from lightweight_ssd.detector.inference import prepared_for_inference
from lightweight_ssd.detector.postprocess import PostProcess
from lightweight_ssd.ops.suppression import DetectionArrays
from lightweight_ssd.ops.thresholds import Thresholds
from lightweight_ssd.prediction.model import Model
from lightweight_ssd.system.allocator import keep_freed_memory
from lightweight_ssd.system.device import choose_device, device_of

__all__ = ["CheckpointModel"]


class CheckpointModel(Model):
    """A detector that PyTorch runs; see `Model`.

    Attributes:
        detector: The network, in evaluation mode.
    """

    def __init__(
        self,
        detector: Any,
        image_size: int | Sequence[int],
        class_names: Sequence[str],
        category_ids: Sequence[int],
        path: Path | None = None,
    ) -> None:
        super().__init__(image_size, class_names, category_ids, path)
        self.detector = detector.eval()

    @classmethod
    def load(cls, path: Path, device: str = "auto") -> "CheckpointModel":
        """Loads a checkpoint file.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is no checkpoint of this project, or the device does not exist.
        """
        place = choose_device(device)
        if place.type == "cpu":
            keep_freed_memory()
        detector, config, class_names, category_ids = load_trained(path)
        return cls(detector.to(place), config["image_size"], class_names, category_ids, path)

    @cached_property
    def _network(self) -> Any:
        """What runs: on a CPU a copy that infers faster."""
        return prepared_for_inference(self.detector) if device_of(self.detector).type == "cpu" else self.detector

    @property
    def thresholds(self) -> PostProcess:
        """Those of the detector's own post-processing."""
        return self.detector.postprocess

    def find(
        self, images: UInt8[np.ndarray, "B H W 3"], thresholds: Thresholds, labels: Sequence[int] | None = None
    ) -> list[DetectionArrays]:
        """The detections of a batch, in pixels of the network's input; the whole batch goes to the device at once."""
        asked = {field.name: getattr(thresholds, field.name) for field in fields(Thresholds)}
        batch = torch.from_numpy(images).permute(0, 3, 1, 2).to(device_of(self.detector))
        with torch.no_grad():
            raw = self._network(batch)
            found = replace(self.detector.postprocess, **asked)(raw, self.image_size, labels)
        return [DetectionArrays(*(values.cpu().numpy() for values in one)) for one in found]
