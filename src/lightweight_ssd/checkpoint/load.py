"""From a configuration to live objects, and from a checkpoint back to its detector."""

from pathlib import Path
from typing import Any

import torch

from lightweight_ssd.config.instantiate import build, moved_targets
from lightweight_ssd.detector.ssd import Detector

__all__ = ["EMA_KEY", "build_detector", "check_targets", "load_checkpoint", "load_detector", "trained_weights"]


EMA_KEY = "ema_state_dict"  # where a checkpoint holds the moving average of its weights


def build_detector(config: dict[str, Any], class_names: list[str]) -> Detector:
    """Builds the untrained detector of a resolved configuration.

    Args:
        config: Resolved configuration; its `detector` node is used.
        class_names: One per class.

    Returns:
        The detector.
    """
    return build(config["detector"], num_classes=len(class_names))


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Reads a checkpoint without running anything that it may hold.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a checkpoint of this project.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint at {path}; give checkpoint=RUN/checkpoints/best.ckpt.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch's own words advise to load it unsafely
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        raise ValueError(
            f"{path} is not a whole checkpoint file{reason}; give checkpoint=RUN/checkpoints/best.ckpt."
        ) from error
    if not isinstance(checkpoint, dict) or "config" not in checkpoint.get("hyper_parameters", {}):
        raise ValueError(f"{path} holds no configuration; give a checkpoint that `lssd train` wrote.")
    parameters = checkpoint["hyper_parameters"]
    parameters["config"] = moved_targets(parameters["config"])
    return checkpoint


def load_detector(path: str | Path) -> tuple[Detector, dict[str, Any], list[str]]:
    """Rebuilds a detector from the configuration and the weights in its checkpoint; the average where there is one.

    Args:
        path: Checkpoint file.

    Returns:
        The detector in evaluation mode, its resolved configuration and its class names.

    Raises:
        FileNotFoundError, ValueError: As `load_checkpoint`; also if the configuration names a class outside this
            package.
    """
    checkpoint = load_checkpoint(path)
    config = checkpoint["hyper_parameters"]["config"]
    class_names = list(checkpoint["hyper_parameters"]["class_names"])
    check_targets(config["detector"], str(path))
    if "weights" in config["detector"]["backbone"]:
        config["detector"]["backbone"]["weights"] = None  # what training started from; the checkpoint has all of it
    detector = build_detector(config, class_names)
    detector.load_state_dict(trained_weights(checkpoint))
    return detector.eval(), config, class_names


def trained_weights(checkpoint: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The detector's weights in a checkpoint: their moving average where one was kept, else the last ones."""
    state = checkpoint.get(EMA_KEY) or checkpoint["state_dict"]
    return {name.removeprefix("detector."): value for name, value in state.items() if name.startswith("detector.")}


def check_targets(node: Any, path: str) -> None:
    """A checkpoint is data: it may choose among this package's classes and nothing else."""
    if isinstance(node, dict):
        target = str(node.get("_target_", "lightweight_ssd."))
        if not target.startswith("lightweight_ssd."):
            raise ValueError(f"{path} asks for {target}, which is not of this package; do not trust this file.")
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            check_targets(child, path)
