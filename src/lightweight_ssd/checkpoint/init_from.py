"""`init_from`: starts a detector from another one's weights and says what was loaded and what was not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lightweight_ssd.checkpoint.darknet import is_darknet, read_darknet
from lightweight_ssd.checkpoint.load import trained_weights

__all__ = ["counts", "initialise", "of_classes", "trained_parameters"]

_CLASS_HEAD = "head.classes."  # names of the predictors whose outputs are classes
_BOX_HEAD = "head.boxes."  # their outputs are of classes, too, where each class has a box of its own


def initialise(detector: nn.Module, path: str, class_names: Sequence[str] = ()) -> dict[str, Any]:
    """Copies every tensor of `path` whose name and shape the detector has.

    The class head of other classes is not taken, even where its shapes fit: its outputs mean something else. The
    outputs of classes that both have, by name, are. Boxes of which each class has its own belong to the class head.

    Args:
        detector: Changed in place.
        path: A checkpoint of this project, a file with a plain state dictionary, or Darknet's weights.
        class_names: Of the detector, in label order; a file without class names is taken by shapes alone.

    Returns:
        Lists of names: `taken`, `other_shape`, `not_in_file`, `not_in_detector`; for other classes than the file's also
        `class_head` (tensors taken in part or not at all), `classes_kept` and `classes_new`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If not one tensor fits, or the bytes of Darknet's weights are not those of the detector.
    """
    wanted = detector.state_dict()
    found, known, about = _found(detector, path)
    other_classes = bool(known and class_names and list(known) != list(class_names))
    of_class = _outputs_of_class(detector) if other_classes else {}
    head = [name for name in found if name in wanted and name.startswith(tuple(of_class))]
    taken = [
        name
        for name, value in found.items()
        if name in wanted and wanted[name].shape == value.shape and name not in head
    ]
    if not taken:
        raise ValueError(f"init_from={path} holds no tensor of this detector's names and shapes; give another file.")
    background = bool(getattr(getattr(detector, "head", None), "background", False))
    merged = {
        name: _merged(wanted[name], found[name], class_names, known, background, each)
        for start, each in of_class.items()
        for name in head
        if name.startswith(start)
    }
    detector.load_state_dict({name: found[name] for name in taken} | merged, strict=False)
    report = {
        "file": path,
        **about,
        "taken": taken,
        "other_shape": [name for name in found if name in wanted and name not in {*taken, *head}],
        "not_in_file": [name for name in wanted if name not in found],
        "not_in_detector": [name for name in found if name not in wanted],
    }
    if not other_classes:
        return report
    kept = [name for name in class_names if name in known]
    return {
        **report,
        "class_head": head,
        "classes_kept": kept,
        "classes_new": [n for n in class_names if n not in kept],
    }


def trained_parameters(path: Path) -> dict[str, Any]:
    """Hyper-parameters of a checkpoint of this project; empty for another file of weights."""
    if path.is_file() and is_darknet(path):
        return {}
    parameters = _read(str(path)).get("hyper_parameters")
    return dict(parameters) if isinstance(parameters, Mapping) else {}


def of_classes(report: Mapping[str, Any]) -> str:
    """In one line what became of the class head; empty where it was taken like everything else.

    Example:
        >>> of_classes({"class_head": ["head.classes.0.bias"], "classes_kept": ["cat"], "classes_new": ["dog", "cow"]})
        'other classes: kept all but the class head, and of that the classes of the same name (cat); new: dog, cow'
    """
    if "class_head" not in report:
        return ""
    kept, new = report["classes_kept"], report["classes_new"]
    named = f", and of that the classes of the same name ({_listed(kept)})" if kept else ""
    return f"other classes: kept all but the class head{named}; new: {_listed(new) or 'none'}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f", … ({len(names)})" if len(names) > 8 else "")


def _outputs_of_class(detector: nn.Module) -> dict[str, int]:
    """Outputs that the predictors of the class head have for each class, by the start of the predictors' names."""
    per_class = bool(getattr(getattr(detector, "head", None), "per_class", False))
    return {_CLASS_HEAD: 1, _BOX_HEAD: 4} if per_class else {_CLASS_HEAD: 1}


def _merged(
    ours: Tensor, theirs: Tensor, class_names: Sequence[str], known: Sequence[str], background: bool, each: int
) -> Tensor:
    """Our predictor with the outputs of the classes that the other has, too.

    Outputs run over anchors, then classes, then those of `each` class. A background comes before the classes, and both
    have it or neither.
    """
    anchors = len(ours) // ((len(class_names) + background) * each)
    pairs = [(label, list(known).index(name)) for label, name in enumerate(class_names) if name in known]
    if not pairs or len(theirs) != anchors * (len(known) + background) * each or ours.shape[1:] != theirs.shape[1:]:
        return ours
    pairs = [(new + background, old + background) for new, old in pairs] + [(0, 0)] * background
    merged = ours.clone().unflatten(0, (anchors, len(class_names) + background, each))
    new, old = zip(*pairs, strict=True)
    merged[:, list(new)] = theirs.to(merged.dtype).unflatten(0, (anchors, len(known) + background, each))[:, list(old)]
    return merged.flatten(0, 2)


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


def _found(detector: nn.Module, path: str) -> tuple[dict[str, Tensor], list[str], dict[str, str]]:
    """Tensors of a file by name, the names of its classes where it has them, and what is to be said of it."""
    if Path(path).is_file() and is_darknet(Path(path)):
        weights = read_darknet(detector, Path(path))
        return weights.tensors, [], {"darknet": weights.about}
    content = _read(path)
    return _tensors(content), _class_names(content), {}


def _read(path: str) -> Mapping[Any, Any]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"init_from={path} is not a file; give a checkpoint or a file of weights.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"init_from={path} is not a file of weights, or incomplete; give another one.") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"init_from={path} holds no tensors by name; give a checkpoint or a file of weights.")
    return content


def _tensors(content: Mapping[Any, Any]) -> dict[str, Tensor]:
    found = trained_weights(content) if "state_dict" in content else content
    return {name: value for name, value in found.items() if isinstance(name, str) and isinstance(value, Tensor)}


def _class_names(content: Mapping[Any, Any]) -> list[str]:
    """Of a checkpoint of this project; empty for another file."""
    parameters = content.get("hyper_parameters")
    names = parameters.get("class_names") if isinstance(parameters, Mapping) else None
    return [str(name) for name in names] if isinstance(names, list | tuple) else []
