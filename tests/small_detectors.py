"""Detectors of two stages with few channels, as their configs describe them, and images for them."""

from typing import Any, NamedTuple

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import Tensor, nn

from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["NARROW", "Made", "objects", "some_images", "two_stage"]

NARROW = {
    "thundernet": ("backbone.width=0.2", "neck.channels=49", "detector.rpn.channels=8", "detector.head.hidden=[16]"),
    "faster_rcnn": ("backbone.width=0.06", "detector.rpn.channels=8", "detector.head.hidden=[16,16]"),
}


class Made(NamedTuple):
    detector: Any
    criterion: nn.Module


def two_stage(name: str, *overrides: str, classes: int = 3, narrow: bool = True) -> Made:
    """A detector and its criterion, drawn anew with the same seed each time."""
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        typed = [f"detector={name}", "run_dir=/nowhere", *(NARROW[name] if narrow else ()), *overrides]
        config: Any = OmegaConf.to_container(compose("train", typed), resolve=True)
    torch.manual_seed(0)
    return Made(build(config["detector"], num_classes=classes), build(config["criterion"]))


def some_images(batch: int = 2, height: int = 64, width: int = 80) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (batch, 3, height, width), dtype=torch.uint8, generator=generator)


def objects(*counts: int) -> tuple[Tensor, Tensor]:
    """Boxes and labels, so many in each image, padded."""
    generator, most = torch.Generator().manual_seed(1), max(counts)
    corner = torch.rand(len(counts), most, 2, generator=generator) * 30
    boxes = torch.cat([corner, corner + 15 + torch.rand(len(counts), most, 2, generator=generator) * 15], dim=-1)
    real = torch.arange(most) < torch.tensor(counts)[:, None]
    labels = torch.randint(3, (len(counts), most), generator=generator)
    return torch.where(real[..., None], boxes, 0.0), torch.where(real, labels, -1)
