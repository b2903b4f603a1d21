"""From a configuration to live objects, and from a checkpoint back to its detector."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from lightweight_ssd.checkpoint.targets import check_state, check_targets
from lightweight_ssd.config.earlier import brought_up_to_date
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.system.plain_text import has_reference

__all__ = [
    "EMA_KEY",
    "NETWORK_KEY",
    "Trained",
    "as_trained",
    "build_detector",
    "load_checkpoint",
    "load_detector",
    "load_trained",
    "network_values",
    "trained_weights",
]


EMA_KEY = "ema_state_dict"  # where a checkpoint holds the moving average of its weights
NETWORK_KEY = "network"  # hyper-parameter: what the configuration left to the weights; see `network_values`


def build_detector(config: dict[str, Any], class_names: list[str]) -> Any:
    """Builds the untrained detector of a resolved configuration.

    Args:
        config: Resolved configuration; its `detector` node is used.
        class_names: One per class.

    Returns:
        The detector, of whatever class the configuration names.
    """
    return build(config["detector"], num_classes=len(class_names))


def network_values(detector: Any) -> dict[str, Any]:
    """What a configuration with null leaves to the weights that a detector starts from.

    Returns:
        `mean` and `std` of the images, and `norm_eps` of the backbone, where it has one.
    """
    values = {name: getattr(detector, name).flatten().tolist() for name in ("mean", "std")}
    epsilon = getattr(detector.backbone, "norm_eps", None)
    return values if epsilon is None else {**values, "norm_eps": epsilon}


def as_trained(config: Mapping[str, Any], parameters: Mapping[str, Any], weights: Any = None) -> dict[str, Any]:
    """A configuration whose detector is built as that of a checkpoint was, without the files that it started from.

    Args:
        config: Resolved configuration.
        parameters: Hyper-parameters in the checkpoint.
        weights: In place of `backbone.weights`, where the backbone has it.

    Returns:
        A copy; of the checkpoint's values it takes those that the configuration leaves open.

    Raises:
        ValueError: If the checkpoint's values are no numbers.
    """
    known = _network(parameters)
    detector = _filled(config["detector"], {name: known[name] for name in ("mean", "std") if name in known})
    if isinstance(backbone := detector.get("backbone"), dict):
        backbone = _filled(backbone, {"norm_eps": known["norm_eps"]} if "norm_eps" in known else {})
        detector["backbone"] = {**backbone, "weights": weights} if "weights" in backbone else backbone
    return {**config, "detector": detector}


def _network(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What `network_values` noted, checked: a node in its place would be built like a part of the configuration."""
    noted = parameters.get(NETWORK_KEY)
    known = {str(key): value for key, value in noted.items()} if isinstance(noted, Mapping) else {}
    numbers = [value if isinstance(value, list | tuple) else [value] for value in known.values()]
    if any(type(number) not in (int, float) for values in numbers for number in values):
        raise ValueError(f"Expected numbers in the checkpoint's {NETWORK_KEY} but got {known}; do not trust this file.")
    return known


def _filled(node: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {**node, **{key: value for key, value in values.items() if key in node and node[key] is None}}


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Reads a checkpoint without running anything that it may hold.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a checkpoint of this project, or names files outside its folder that training
            would go on with (see `check_state`).
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint at {path}; give checkpoint=RUN/checkpoints/best.ckpt.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch's own words advise to load it unsafely
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        raise ValueError(
            f"{path} is not a checkpoint, or incomplete{reason}; give checkpoint=RUN/checkpoints/best.ckpt."
        ) from error
    parameters = checkpoint.get("hyper_parameters") if isinstance(checkpoint, dict) else None
    if not isinstance(parameters, dict) or not isinstance(parameters.get("config"), dict):
        raise ValueError(f"{path} holds no configuration; give a checkpoint that `lssd train` wrote.")
    check_state(checkpoint, path)
    parameters["config"] = brought_up_to_date(parameters["config"])
    return checkpoint


class Trained(NamedTuple):
    """What a checkpoint holds for use.

    Attributes:
        detector: In evaluation mode, with the average of the weights where one was kept.
        config: The resolved configuration of its training.
        class_names: In the order of the labels.
        category_ids: Of each class, as in the annotation files of its data; 1, 2, … where these have none.
    """

    detector: Any
    config: dict[str, Any]
    class_names: list[str]
    category_ids: list[int]


def load_trained(path: str | Path) -> Trained:
    """Rebuilds a detector from the configuration and the weights in its checkpoint.

    Args:
        path: Checkpoint file.

    Raises:
        FileNotFoundError, ValueError: As `load_checkpoint`; also if the configuration asks for anything but
            classes that a detector consists of (see `check_targets`), or the weights are not those of its detector.
    """
    checkpoint = load_checkpoint(path)
    config = checkpoint["hyper_parameters"]["config"]
    class_names = _class_names(checkpoint, path)
    check_targets(config, "detector", path)
    config = as_trained(config, checkpoint["hyper_parameters"])  # the checkpoint has all weights, and no file is read
    check_targets(config, "detector", path)
    detector = build_detector(config, class_names)
    try:
        detector.load_state_dict(trained_weights(checkpoint))
    except RuntimeError as error:  # names each tensor in a line of its own
        raise ValueError(
            f"{path} does not hold the weights of the detector that it describes; give another."
        ) from error
    return Trained(detector.eval(), config, class_names, _category_ids(checkpoint, path, len(class_names)))


def load_detector(path: str | Path) -> tuple[Any, dict[str, Any], list[str]]:
    """The detector of a checkpoint, its configuration and its class names; see `load_trained`."""
    return load_trained(path)[:3]


def _class_names(checkpoint: dict[str, Any], path: str | Path) -> list[str]:
    """One text per class, without an interpolation that a node made with these names would follow."""
    names = checkpoint["hyper_parameters"].get("class_names")
    if not isinstance(names, list | tuple) or any(not isinstance(name, str) or has_reference(name) for name in names):
        raise ValueError(
            f"Expected the class names in {path} as a list of text but got {names}; do not trust this file."
        )
    return list(names)


def _category_ids(checkpoint: dict[str, Any], path: str | Path, count: int) -> list[int]:
    """Those of the data it was trained on; checkpoints of data without any, and old ones, hold none."""
    ids = checkpoint["hyper_parameters"].get("category_ids") or list(range(1, count + 1))
    if not isinstance(ids, list | tuple) or len(ids) != count or not all(isinstance(each, int) for each in ids):
        raise ValueError(f"Expected {count} category ids in {path} but got {ids}; give a checkpoint of `lssd train`.")
    return list(ids)


def trained_weights(checkpoint: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The detector's weights in a checkpoint: their moving average where one was kept, else the last ones."""
    state = checkpoint.get(EMA_KEY) or checkpoint.get("state_dict")
    tensors = {str(name): value for name, value in state.items()} if isinstance(state, Mapping) else {}
    return {
        name.removeprefix("detector."): value
        for name, value in tensors.items()
        if name.startswith("detector.") and isinstance(value, torch.Tensor)
    }
