"""Which figures a run will have, known before it begins: a name that it has not would be found out hours later."""

from collections.abc import Mapping, Sequence
from typing import Any

from lightweight_ssd.metrics.names import COCO_METRICS, VOC_METRICS

__all__ = ["check_figures", "check_monitors", "check_objective"]


_TERMS = ("classification", "localization")  # of `Criterion`, whose module would bring PyTorch in
_DEFAULT_OBJECTIVE = "val/map_50"
_OURS = ("lightweight_ssd.", "lightning.")


def check_figures(config: Mapping[str, Any], overrides: Sequence[str]) -> None:
    """Refuses what a plain run could not watch or return.

    The default objective passes unless it was typed: only a sweep needs it, and a run may keep its checkpoints by
    another figure, or none at all.

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
    """Refuses a callback that watches a figure which training does not log.

    Args:
        config: Of `lssd train`; its `callbacks`, `criterion` and `coco_metric` are read.

    Raises:
        ValueError: With the callback, and the figures that there are.
    """
    watched = _monitors(config)
    asked = ", ".join(f"callbacks.{name}.monitor={figure}" for name, figure in watched.items() if _is_coco(figure))
    if asked and not config["coco_metric"]:
        raise ValueError(
            f"Expected coco_metric for {asked}, but it is null: leave it on, or set callbacks.best.monitor and "
            "callbacks.early_stopping.monitor to val/map_50."
        )
    losses = ("loss", *(config["criterion"].get("weights") or _TERMS))
    known = [*_measured(config, "val"), *(f"val/{name}" for name in losses)]
    allowed = {*known, *(f"train/{name}" for name in (*losses, "matched")), "lr", "epoch", "step"}
    for name, figure in watched.items():
        if figure not in allowed and _all_known(config):
            raise ValueError(
                f"Expected callbacks.{name}.monitor as a figure that training logs but got {figure}; "
                f"give one of {', '.join(known)}."
            )


def check_objective(config: Mapping[str, Any]) -> None:
    """Refuses an objective that a sweep's jobs could not return.

    Of the validation there is the figure by which a checkpoint was kept, of the test all that is measured.

    Args:
        config: Of `lssd train`; its `objective`, `callbacks` and `coco_metric` are read.

    Raises:
        ValueError: With the objectives that there are.
    """
    objective, kept = str(config["objective"]), set(_monitors(config, "Checkpoint").values())
    if _is_coco(objective) and not config["coco_metric"]:
        raise ValueError(
            f"Expected coco_metric for objective={objective}, but it is null: leave it on, or give another objective."
        )
    known = [*sorted(figure for figure in kept if figure.startswith("val/")), *_measured(config, "test")]
    if objective not in known and _all_known(config):
        raise ValueError(
            f"Expected objective as a figure that a job returns but got {objective}; give what callbacks.best.monitor "
            f"keeps the best checkpoint by, or a figure of the test: one of {', '.join(known)}."
        )


def _monitors(config: Mapping[str, Any], kind: str = "") -> dict[str, str]:
    """What each callback of a kind watches, by its name."""
    nodes = {name: node for name, node in config["callbacks"].items() if node and kind in node["_target_"]}
    return {name: str(node["monitor"]) for name, node in nodes.items() if node.get("monitor")}


def _is_coco(figure: str) -> bool:
    return figure.startswith(("val/coco_", "test/coco_"))


def _measured(config: Mapping[str, Any], split: str) -> list[str]:
    coco = COCO_METRICS if config["coco_metric"] else ()
    return [f"{split}/{name}" for name in (*VOC_METRICS, *(f"coco_{name}" for name in coco))]


def _all_known(config: Mapping[str, Any]) -> bool:
    """Whether all that logs is of this project; a user's own callback may log what it likes."""
    nodes = [*config["callbacks"].values(), config["criterion"], config["coco_metric"]]
    return all(node["_target_"].startswith(_OURS) for node in nodes if node)
