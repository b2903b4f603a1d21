"""`init_from`: starts a detector from another one's weights and says what was loaded and what was not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lightweight_ssd.checkpoint.load import trained_weights

__all__ = ["counts", "initialise"]


def initialise(detector: nn.Module, path: str) -> dict[str, Any]:
    """Copies every tensor of `path` whose name and shape the detector has.

    Args:
        detector: Changed in place.
        path: A checkpoint of this project, or a file with a plain state dictionary.

    Returns:
        Lists of names: `taken`, `other_shape`, `not_in_file`, `not_in_detector`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If not one tensor fits.
    """
    wanted = detector.state_dict()
    found = _read(path)
    taken = [name for name, value in found.items() if name in wanted and wanted[name].shape == value.shape]
    if not taken:
        raise ValueError(f"init_from={path} holds no tensor of this detector's names and shapes; give another file.")
    detector.load_state_dict({name: found[name] for name in taken}, strict=False)
    return {
        "file": path,
        "taken": taken,
        "other_shape": [name for name in found if name in wanted and name not in set(taken)],
        "not_in_file": [name for name in wanted if name not in found],
        "not_in_detector": [name for name in found if name not in wanted],
    }


def counts(report: Mapping[str, Any]) -> str:
    """What `initialise` did, in numbers of tensors.

    Example:
        >>> counts({"taken": ["a", "b"], "other_shape": ["c"], "not_in_file": [], "not_in_detector": ["d"]})
        '2 loaded, 1 skipped (shape mismatch), 0 missing, 1 unexpected'
    """
    words = {
        "taken": "loaded",
        "other_shape": "skipped (shape mismatch)",
        "not_in_file": "missing",
        "not_in_detector": "unexpected",
    }
    return ", ".join(f"{len(report[key])} {word}" for key, word in words.items())


def _read(path: str) -> dict[str, Tensor]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"init_from={path} is not a file; give a checkpoint or a file of weights.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"init_from={path} is not a file of weights, or incomplete; give another one.") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"init_from={path} holds no tensors by name; give a checkpoint or a file of weights.")
    found = trained_weights(content) if "state_dict" in content else content
    return {name: value for name, value in found.items() if isinstance(name, str) and isinstance(value, Tensor)}
