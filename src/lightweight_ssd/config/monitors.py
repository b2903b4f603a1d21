"""Which metrics a run will have, checked before it begins: a wrong name would otherwise fail hours later."""

from collections.abc import Mapping, Sequence
from typing import Any

from lightweight_ssd.metrics.names import COCO_METRICS, VOC_METRICS

__all__ = ["check_metrics", "check_monitors", "check_objective", "watched_metrics"]


_TERMS = ("classification", "localization")  # of `SSDCriterion`, whose module would bring PyTorch in
_DEFAULT_OBJECTIVE = "val/map_50"
_OURS = ("lightweight_ssd.", "lightning.")


def check_metrics(config: Mapping[str, Any], overrides: Sequence[str]) -> None:
    """Refuses what a plain run could not watch or return.

    The default objective passes unless it was typed: only a sweep needs it, and a run may keep its checkpoints by
    another metric, or none at all.

    Args:
        config: Of `lssd train`.
        overrides: As the user typed them.

    Raises:
        ValueError: See `check_monitors` and `check_objective`.
    """
    check_monitors(config)
    typed = any(each.lstrip("+").startswith("objective=") for each in overrides)
    if typed or config["objective"] != _DEFAULT_OBJECTIVE:
        check_objective(config)


def check_monitors(config: Mapping[str, Any]) -> None:
    """Refuses a callback that monitors a metric that training does not log.

    Args:
        config: Of `lssd train`; its `callbacks`, `criterion` and `coco_metric` are read.

    Raises:
        ValueError: With the callback, and the metrics that there are.
    """
    monitored = _monitors(config)
    asked = ", ".join(f"callbacks.{name}.monitor={metric}" for name, metric in monitored.items() if _is_coco(metric))
    if asked and not config["coco_metric"]:
        raise ValueError(
            f"Expected coco_metric for {asked}, but it is {_off(config)}: leave it on, or set "
            "callbacks.best.monitor and callbacks.early_stopping.monitor to val/map_50."
        )
    losses = ("loss", *(config["criterion"].get("weights") or _TERMS))
    known = [*_measured(config, "val"), *(f"val/{name}" for name in losses)]
    allowed = {*known, *(f"train/{name}" for name in (*losses, "matched")), "lr", "epoch", "step"}
    for name, metric in monitored.items():
        if metric not in allowed and _all_known(config):
            raise ValueError(
                f"Expected callbacks.{name}.monitor as a metric that training logs but got {metric}; "
                f"give one of {', '.join(known)}."
            )


def check_objective(config: Mapping[str, Any]) -> None:
    """Refuses an objective that a sweep's jobs could not return.

    Of the validation there is the metric by which a checkpoint was kept, of the test all that is measured.

    Args:
        config: Of `lssd train`; its `objective`, `callbacks` and `coco_metric` are read.

    Raises:
        ValueError: With the objectives that there are.
    """
    objective, kept = str(config["objective"]), set(_monitors(config, "Checkpoint").values())
    if _is_coco(objective) and not config["coco_metric"]:
        raise ValueError(
            f"Expected coco_metric for objective={objective}, but it is {_off(config)}: leave it on, or give another "
            "objective."
        )
    known = [*sorted(metric for metric in kept if metric.startswith("val/")), *_measured(config, "test")]
    if objective not in known and _all_known(config):
        raise ValueError(
            f"Expected objective as a metric that a job returns but got {objective}; give what callbacks.best.monitor "
            f"keeps the best checkpoint by, or a metric of the test: one of {', '.join(known)}."
        )


def watched_metrics(config: Mapping[str, Any]) -> dict[str, str]:
    """The metrics that steer a run, by the key that names each: of the callbacks, and the objective."""
    monitors = {f"callbacks.{name}.monitor": metric for name, metric in _monitors(config).items()}
    return {**monitors, "objective": str(config["objective"])}


def _monitors(config: Mapping[str, Any], kind: str = "") -> dict[str, str]:
    """What each callback of a kind watches, by its name."""
    nodes = {name: node for name, node in config["callbacks"].items() if node and kind in node["_target_"]}
    return {name: str(node["monitor"]) for name, node in nodes.items() if node.get("monitor")}


def _is_coco(metric: str) -> bool:
    return metric.startswith(("val/coco_", "test/coco_"))


def _measured(config: Mapping[str, Any], split: str) -> list[str]:
    coco = COCO_METRICS if config["coco_metric"] else ()
    return [f"{split}/{name}" for name in (*VOC_METRICS, *(f"coco_{name}" for name in coco))]


def _off(config: Mapping[str, Any]) -> str:
    return "null" if config["coco_metric"] is None else "false"


def _all_known(config: Mapping[str, Any]) -> bool:
    """Whether all that logs is of this project; a user's own callback may log what it likes."""
    coco = config["coco_metric"]
    nodes = [*config["callbacks"].values(), config["criterion"], None if isinstance(coco, bool) else coco]
    return all(node["_target_"].startswith(_OURS) for node in nodes if node)
