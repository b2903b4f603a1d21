"""A detector as a diagram in plain text: which part goes where, read from a composed configuration alone.

Nothing is built, so the diagram takes no PyTorch and shows what the configuration says, whatever the parts are: the
chain of the network in the order of the node `detector`, the parts that the criterion has, and the post-processing.
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["detector_diagram"]

_WIDTH = 100  # columns
_TEXT = 26  # column at which the text begins
_BESIDE = ("anchors", "coder")  # ends of the names of parts that outputs refer to: they are no steps of their own
_DOWN = ("   │", "   ▼")
_UNSAID = ("norm_momentum", "norm_eps", "init_std", "weights")  # of layers, the same in most parts
_LIMITS = {
    "score_threshold": "score > {}",
    "iou_threshold": "NMS at IoU {}",
    "max_detections": "at most {} boxes an image",
}


def detector_diagram(config: Mapping[str, Any], choices: Mapping[str, str]) -> str:
    """The network from the image to detections, and what it learns from.

    Args:
        config: Of `lssd train`, resolved; `detector`, `criterion`, `image_size` and the config groups are read.
        choices: Option per config group, named beside the parts that they are.

    Returns:
        Lines of at most 100 columns.

    Example:
        >>> part = {"_target_": "a.neck.FPN", "width": 192}
        >>> print(detector_diagram({"image_size": 300, "detector": {"neck": part}, "neck": part}, {"neck": "fpn"}))
        image                     300×300 pixels
           │
           ▼
        neck                      neck=fpn: FPN (width 192)
    """
    options = [(config[group], f"{group}={name}") for group, name in choices.items() if config.get(group)]
    detector = config["detector"]
    lines = _named("image", f"{_size(config['image_size'])} pixels")
    for name, node in detector.items():
        if not isinstance(node, Mapping) or name == "postprocess":
            continue
        text = _said(node, options) if "_target_" in node else _by_phase(node)
        lines += _named(name, text, "   │    ") if name.endswith(_BESIDE) else [*_DOWN, *_named(name, text)]
    if criterion := config.get("criterion"):
        lines += ["   │", *_named("training", _said(criterion, options), "   ├─ ")]
        lines += [line for name, text in _parts(criterion, options) for line in _named(name, text, "   │    ")]
    if limits := detector.get("postprocess"):
        lines += ["   │", *_named("detections", ", ".join(_limits(limits)), "   └─ ")]
    return "\n".join(lines)


def _named(name: str, text: str, before: str = "") -> list[str]:
    """A name and what it is, continued below itself where it is long."""
    first = f"{before}{name} ".ljust(_TEXT)
    below = (before or "   │").ljust(_TEXT)
    return textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=below, break_on_hyphens=False)


def _parts(node: Mapping[str, Any], options: list[tuple[Any, str]], above: str = "") -> Iterator[tuple[str, str]]:
    """The parts inside a criterion, those of parts below them and further in."""
    for name, child in node.items():
        if isinstance(child, Mapping) and "_target_" in child:
            yield f"{above}{name}", _said(child, options)
            yield from _parts(child, options, f"{above}  ")


def _said(node: Mapping[str, Any], options: list[tuple[Any, str]]) -> str:
    """The option that it is, where it is one, its class, and its short settings."""
    chosen = next((f"{option}: " for whole, option in options if whole == node), "")
    settings = [text for key, value in node.items() if (text := _setting(key, value))]
    within = f" ({', '.join(settings)})" if settings else ""
    return f"{chosen}{str(node['_target_']).rpartition('.')[2]}{within}"


def _setting(key: str, value: Any) -> str | None:
    """A short setting as text; of anchors by level how many each cell has, and None for anything longer."""
    if key.startswith("_") or key in _UNSAID or value in (None, []):
        return None
    if isinstance(value, bool | int | float | str) or _are_numbers(value):
        return f"{key} {_short(value)}"
    by_level = key == "levels" and isinstance(value, list) and all(isinstance(each, list) for each in value)
    return f"anchors per cell {', '.join(str(len(each)) for each in value)}" if by_level else None


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 6 and all(isinstance(each, int | float) for each in value)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_short, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _by_phase(node: Mapping[str, Any]) -> str:
    """Limits in training and in evaluation, where they differ."""
    return "; ".join(f"in {phase}: {', '.join(_limits(limits))}" for phase, limits in node.items())


def _limits(limits: Mapping[str, Any]) -> Iterator[str]:
    return (text.format(_short(limits[key])) for key, text in _LIMITS.items() if limits.get(key) is not None)


def _size(image_size: Any) -> str:
    height, width = image_size if isinstance(image_size, list) else (image_size, image_size)
    return f"{width}×{height}"
