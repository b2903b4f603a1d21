"""What a run needs of the machine and of its data, looked at before the imports that take seconds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.monitors import watched_metrics
from lightweight_ssd.metrics.names import LARGE_FROM, MEDIUM_FROM

__all__ = ["expect_data", "expect_devices", "expect_objects", "expect_steps"]

_OURS, _DRAWN = "lightweight_ssd.data.", "lightweight_ssd.data.shapes."
_DOWNLOADS = ("voc", "coco")
_SIZES = {
    "small": (0.0, MEDIUM_FROM, "below 32² square pixels"),
    "medium": (MEDIUM_FROM, LARGE_FROM, "from 32² to 96² square pixels"),
    "large": (LARGE_FROM, np.inf, "above 96² square pixels"),
}


def expect_devices(trainer: Mapping[str, Any], option: str | None) -> None:
    """Refuses GPUs that this machine does not have.

    Args:
        trainer: The node of the configuration.
        option: Of the group `trainer`.

    Raises:
        ValueError: With what to give instead.
    """
    accelerator, devices = trainer.get("accelerator"), trainer.get("devices")
    if accelerator not in ("gpu", "cuda"):
        return
    import torch

    count = torch.cuda.device_count()
    if not count and accelerator == "gpu" and torch.backends.mps.is_available():
        return
    asked = f"trainer={option}" if option == "gpu" else f"trainer.accelerator={accelerator}"
    if not count:
        raise ValueError(f"Expected a GPU for {asked} but PyTorch sees 0; give trainer=auto or trainer=cpu.")
    if isinstance(devices, int) and devices > count:
        raise ValueError(
            f"Expected {devices} GPUs for trainer.devices={devices} but PyTorch sees {count}; give "
            f"trainer.devices={count}."
        )


def expect_steps(trainer: Mapping[str, Any]) -> None:
    """Refuses a run of no step, which leaves no checkpoint.

    Args:
        trainer: The node of the configuration; -1 is no limit.

    Raises:
        ValueError: With the setting.
    """
    for key in ("max_epochs", "max_steps"):
        if trainer.get(key) == 0:
            raise ValueError(
                f"Expected trainer.{key} of at least 1 but got 0; give trainer.{key}=1 for the shortest run, or "
                "measure a checkpoint that is there: lssd evaluate RUN."
            )


def expect_data(data: Mapping[str, Any], option: str | None) -> None:
    """Refuses a data set whose folder is not there; what draws its own images, or is the user's, is left alone.

    Args:
        data: The node of the configuration.
        option: Of the group `data`.

    Raises:
        FileNotFoundError: With how to get it.
    """
    target, root = str(data.get("_target_", "")), data.get("root")
    if not target.startswith(_OURS) or target.startswith(_DRAWN) or root is None or Path(str(root)).exists():
        return
    name = next((each for each in _DOWNLOADS if str(option).startswith(each)), None)
    download = f", or download it: lssd data prepare {name} root={root}" if name else ""
    raise FileNotFoundError(
        f"Expected the data set data={option} at data.root={root}, but there is no such folder; give "
        f"data.root=FOLDER{download}."
    )


def expect_objects(config: Mapping[str, Any]) -> None:
    """Refuses to be steered by a metric of small, medium or large objects that the data does not have.

    Args:
        config: Of `lssd train`, plain containers; the annotations are read only where such a metric is asked for.

    Raises:
        ValueError: With the metric and what the data lacks.
    """
    asked = {key: metric for key, metric in watched_metrics(config).items() if metric.rpartition("_")[2] in _SIZES}
    source = build(config["data"]) if asked else None
    for key, metric in asked.items():
        split, size = metric.partition("/")[0], metric.rpartition("_")[2]
        least, most, words = _SIZES[size]
        if source is None or split not in ("val", "test"):
            continue
        known = source.annotations(split).first(config["datamodule"]["first_images"])
        areas = known.areas[~(known.difficult | known.crowd)]
        if not ((areas >= least) & (areas < most)).any():
            raise ValueError(
                f"Expected {size} objects in data.{split} for {key}={metric}, but there is none ({words}), so the "
                f"metric is not defined on this data; give another one, such as {split}/coco_ap."
            )
