"""A detector of another kind, whose raw outputs nothing but itself and its criterion can look into."""

from typing import Any

import torch
from torch import Tensor, nn

from lightweight_ssd.ops.thresholds import Thresholds
from lightweight_ssd.tensor_types import Detections, Losses

__all__ = ["Guess", "GuessCriterion", "Guesser"]


class Guess:
    """Raw outputs without a single attribute that those of single-shot detectors have."""

    def __init__(self, secret: Tensor) -> None:
        self.secret = secret


class Guesser(nn.Module):
    """Says one box and one class per image; in training it wants to be told the objects.

    Attributes:
        told: How often it was called with objects, and how often without them.
        looked: How often the raw outputs were turned into detections.
    """

    def __init__(self, num_classes: int, **_: Any) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.ReLU())
        self.guess = nn.Linear(4, 4 + num_classes)
        self.told, self.looked, self.thresholds = [0, 0], 0, Thresholds()
        for name in ("mean", "std"):
            self.register_buffer(name, torch.full((1, 3, 1, 1), 100.0), persistent=False)
        self.backbone, self.neck = self.body, self.body

    def forward(self, images: Tensor, boxes: Tensor | None = None, labels: Tensor | None = None) -> Guess:
        assert (boxes is not None and labels is not None) or not self.training
        self.told[boxes is None] += 1
        (secret,) = self.trace(images)
        return Guess(secret[:, 0])

    def trace(self, images: Tensor) -> tuple[Tensor]:
        features = self.body((images.float() - 100.0) / 100.0).mean(dim=(2, 3))
        return (self.guess(features)[:, None],)

    def postprocess(self, raw: Guess, size: tuple[int, int]) -> list[Detections]:
        self.looked += 1
        height, width = size
        scale = raw.secret.new_tensor([width / 2, height / 2, width, height])
        boxes = raw.secret[:, :4].sigmoid() * scale
        boxes = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:] / 2], dim=1)
        scores, labels = raw.secret[:, 4:].softmax(dim=1).max(dim=1)
        return [Detections(*one) for one in zip(boxes[:, None], scores[:, None], labels[:, None], strict=True)]


class GuessCriterion(nn.Module):
    """The distance to the first object, and whether its class was said."""

    def __init__(self, factor: float = 2.0, **_: Any) -> None:
        super().__init__()
        self.weights = {"box": factor, "class": 1.0}

    def forward(self, raw: Guess, boxes: Tensor, labels: Tensor) -> Losses:
        known = labels[:, :1].amax(dim=1) >= 0 if labels.shape[1] else torch.zeros(len(labels), dtype=torch.bool)
        if not known.any():
            return Losses({name: raw.secret.sum() * 0 for name in self.weights}, known.sum(), known.sum())
        distance = (raw.secret[known, :4].sigmoid() - boxes[known, 0] / 64).abs().sum()
        wrong = nn.functional.cross_entropy(raw.secret[known, 4:], labels[known, 0], reduction="sum")
        return Losses({"box": distance / known.sum(), "class": wrong / known.sum()}, known.sum(), known.sum())

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        return torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()
