"""What of a configuration counts for a run's results, and its hash, by which the same command finds the run again."""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from lightweight_ssd.data.formats.voc_scan import VOC_CLASS_NAMES

__all__ = ["comparable_data", "content_hash", "data_content", "not_content"]

# What does not change the results of a run: where things lie, what is logged, on what hardware it runs.
_NOT_CONTENT = {
    "": (
        "run_dir", "runs", "resume", "rerun", "objective", "row", "logger", "pictures", "compile", "channels_last",
        "num_workers", "gray_test", "coco_metric", "latency", "default_epochs",
    ),
    "callbacks": ("curves", "logged_pictures"),
    "data": ("root", "cache_dir", "num_threads"),
    "datamodule": ("source", "num_workers"),  # its source stands under data
    "trainer": (
        "accelerator", "devices", "num_nodes", "strategy", "enable_progress_bar", "enable_model_summary",
        "log_every_n_steps", "profiler", "use_distributed_sampler",
    ),
}  # fmt: skip

# Keys that were added after the first release, by their node, each with the value at which a run is as it was before
# the key existed.
_NEUTRAL: dict[str, dict[str, Any]] = {
    "": {"anchors": None, "lr_factors": None},
    "detector.anchors": {"levels": None, "first_scale": None, "end_ratios": None},
    "detector.head": {"background": False},
    "criterion": {"samples": None},
    "criterion.matcher": {"background_below": None, "keep_best_above": 0.0},
    "augment.steps.mosaic": {"nearby": False},
    "datamodule.augment.steps.mosaic": {"nearby": False},
    "data": {
        "classes": None, "other_classes": "background", "empty_images": "keep", "val_share": None, "split": None,
        "origin": "auto", "images": None, "annotations": None,
    },
}  # fmt: skip
# What null stands for with random weights, and what configurations spelled out up to 0.2.
_OF_RANDOM_WEIGHTS: dict[str, dict[str, Any]] = {
    "detector": {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]},
    "backbone": {"norm_eps": 0.001},
    "detector.backbone": {"norm_eps": 0.001},
}
_RENAMED = {"SSDCriterion": "Criterion"}  # classes by the name that they had in the first release
# Parts that were values of the first release: the node and the part in it, the part's class, its parameter, the value.
_VALUES = (
    ("detector", "coder", "VarianceCoder", "variances", "variances"),
    ("criterion", "coder", "VarianceCoder", "variances", "variances"),
    ("criterion", "matcher", "IoUMatcher", "threshold", "match_threshold"),
)


def content_hash(config: dict[str, Any]) -> str:
    """Eight hexadecimal digits of what a run computes.

    A later key at its neutral value does not count, so a new key leaves the runs of earlier versions findable. What
    is neutral stands in a table of its own and is not the key's default: a default may change, and the same digits
    would then stand for two contents. The table only grows, and a value in it never gets another meaning.

    Args:
        config: Resolved configuration, plain containers, with `run_dir` still null. Its `content` names settings that
            count in this run although they do not change results as a rule, such as `trainer.devices`.

    Returns:
        The same digits for the same content, wherever it lies, is logged and runs.
    """
    counted = set(config.get("content") or ())
    kept = {key: value for key, value in config.items() if key not in _NOT_CONTENT[""] or key in counted}
    for group, keys in _NOT_CONTENT.items():
        if isinstance(kept.get(group), dict) and group not in counted:
            dropped = {key for key in keys if f"{group}.{key}" not in counted}
            kept[group] = {key: value for key, value in kept[group].items() if key not in dropped}
    if isinstance(data := kept.get("data"), dict):
        same = {"cache": "disk"} if data.get("cache") == "ram" and "data.cache" not in counted else {}  # kept elsewhere
        kept["data"] = comparable_data({**data, **same})
    kept = _as_before(kept)
    return hashlib.sha256(json.dumps(_class_names(kept), sort_keys=True, default=str).encode()).hexdigest()[:8]


def _as_before(config: dict[str, Any]) -> dict[str, Any]:
    """The same content as the first release would have written it."""
    has_weights = bool((config.get("backbone") or {}).get("weights"))
    for path, values in ({} if has_weights else _OF_RANDOM_WEIGHTS).items():
        config = _changed(config, path, lambda node, values=values: _spelled_out(node, values))
    for path, values in _NEUTRAL.items():
        config = _changed(config, path, lambda node, values=values: _without(node, values))
    for group, part, name, parameter, key in _VALUES:
        config = _changed(config, group, lambda node, of=(part, name, parameter, key): _as_value(node, *of))
    return config


def _changed(config: dict[str, Any], path: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """A copy with another node at a path, where there is a node."""
    if not path:
        return change(config)
    key, _, rest = path.partition(".")
    node = config.get(key)
    return {**config, key: _changed(node, rest, change)} if isinstance(node, dict) else config


def _spelled_out(node: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    return {key: values[key] if value is None and key in values else value for key, value in node.items()}


def _as_value(node: dict[str, Any], part: str, name: str, parameter: str, key: str) -> dict[str, Any]:
    """A node with the one parameter of a part in place of the part, if that is of the class that was the only one."""
    inside = node.get(part)
    if not isinstance(inside, dict) or str(inside.get("_target_")).rpartition(".")[2] != name:
        return node
    rest = {each: value for each, value in node.items() if each != part}
    return {**rest, key: inside.get(parameter)} if inside.keys() == {"_target_", parameter} else node


def _without(node: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in values or value != values[key]}


def comparable_data(data: dict[str, Any]) -> dict[str, Any]:
    """The node `data` of any version as today's would say it: keys that it does not know have their neutral value."""
    # What null stands for there, and what its configuration spelled out up to 0.2.
    names = {"class_names": list(VOC_CLASS_NAMES)} if _is_voc(data) and data.get("class_names") is None else {}
    return {**_NEUTRAL["data"], **data, **names}


def data_content(data: dict[str, Any]) -> dict[str, Any]:
    """The node `data` as it is written, without what does not count: where things lie and how they are read."""
    return {key: value for key, value in data.items() if key not in _NOT_CONTENT["data"]}


def _is_voc(data: dict[str, Any]) -> bool:
    return str(data.get("_target_")).rpartition(".")[2] == "VOC"


def _class_names(node: Any) -> Any:
    """The same with the class alone in each `_target_`: where its module lies changes nothing that a run computes."""
    if isinstance(node, dict):
        kept = {key: _class_names(value) for key, value in node.items()}
        name = str(node["_target_"]).rpartition(".")[2] if node.get("_target_") else None
        return kept | {"_target_": _RENAMED.get(name, name)} if name else kept
    return [_class_names(item) for item in node] if isinstance(node, list | tuple) else node


def not_content(keys: Iterable[str]) -> list[str]:
    """Those of the keys that the hash leaves out; what a sweep varies must count, or its jobs would be taken for one.

    Example:
        >>> not_content(["trainer.devices", "neck", "trainer", "compile"])
        ['compile', 'trainer', 'trainer.devices']
    """
    left_out = {f"{group}.{key}" if group else key for group, names in _NOT_CONTENT.items() for key in names}
    left_out = (left_out | {"trainer", "data.cache"}) - {"row"}  # a row of a table chooses parts, and these count
    return sorted(set(keys) & left_out)
