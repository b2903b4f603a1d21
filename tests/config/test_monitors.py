"""A metric that a run will not have is refused before the run begins."""

from pathlib import Path

import pytest
from tests.running import smoke_config

from lightweight_ssd.config.monitors import _TERMS, check_metrics, check_monitors, check_objective
from lightweight_ssd.criterion.ssd import TERMS
from lightweight_ssd.metrics.coco import COCOResult
from lightweight_ssd.metrics.names import COCO_METRICS


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("objective=test/coco_ap_75",),
        ("objective=test/map_50_95", "coco_metric=null", "callbacks.early_stopping.monitor=train/loss"),
        ("objective=val/coco_ap", "callbacks.best.monitor=val/coco_ap", "callbacks.early_stopping=null"),
        ("criterion.weights=null", "callbacks.early_stopping.monitor=val/classification"),
        ("~criterion.weights", "criterion._target_=mine.Criterion", "callbacks.early_stopping.monitor=val/mine"),
        ("objective=val/localization", "callbacks.best.monitor=val/localization", "callbacks.last.monitor=step"),
    ],
)
def test_what_there_is_may_be_watched(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    cfg = smoke_config(tmp_path, *overrides)
    check_monitors(cfg)
    check_objective(cfg)


@pytest.mark.parametrize("metric", ["val/coco_ap", "test/coco_ar_1"])
def test_a_metric_of_coco_is_no_objective_without_it(tmp_path: Path, metric: str) -> None:
    said = rf"Expected coco_metric for objective={metric}, but it is null: leave it on, or give another objective\."
    with pytest.raises(ValueError, match=said):
        check_objective(smoke_config(tmp_path, "coco_metric=null", f"objective={metric}"))


@pytest.mark.parametrize("metric", ["val/map50", "map_50", "val/map_50_95", "test/loss", "test/coco_ap_60", "null"])
def test_an_objective_that_no_job_has_is_told_of_with_those_that_there_are(tmp_path: Path, metric: str) -> None:
    got = {"null": "None"}.get(metric, metric)
    with pytest.raises(
        ValueError, match=rf"but got {got}; give .* one of val/map_50, test/map_50, .*test/coco_ar_large"
    ):
        check_objective(smoke_config(tmp_path, f"objective={metric}"))


@pytest.mark.parametrize("metric", ["val/map50", "map_50", "test/map_50", "val/coco_ap_60", "val/matched"])
def test_a_monitor_that_is_not_logged_is_told_of(tmp_path: Path, metric: str) -> None:
    said = (
        rf"Expected callbacks\.best\.monitor as a metric that training logs but got {metric}; give one of val/map_50, "
    )
    with pytest.raises(ValueError, match=said):
        check_monitors(smoke_config(tmp_path, f"callbacks.best.monitor={metric}"))


def test_a_users_own_callback_may_log_what_it_likes(tmp_path: Path) -> None:
    own = "+callbacks.mine={_target_: somewhere.Mine}"
    cfg = smoke_config(tmp_path, own, "callbacks.best.monitor=val/mine", "objective=val/mine")
    check_monitors(cfg)
    check_objective(cfg)


def test_the_twelve_names_are_the_metrics_own() -> None:
    metrics = [name for name in COCOResult._fields if name.startswith(("ap", "ar_"))]
    assert tuple(metrics) == COCO_METRICS


@pytest.mark.slow
@pytest.mark.parametrize("changed", ["callbacks.best=null", "callbacks.best.monitor=val/coco_ap"])
def test_a_plain_run_needs_the_default_objective_only_where_it_was_typed(tmp_path: Path, changed: str) -> None:
    check_metrics(smoke_config(tmp_path, changed), [changed])
    with pytest.raises(ValueError, match=r"Expected objective as a metric .*but got val/map_50; give"):
        check_metrics(smoke_config(tmp_path, changed), [changed, "objective=val/map_50"])


def test_another_objective_is_checked_wherever_it_stands(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Expected objective as a metric .*but got val/map50; give"):
        check_metrics(smoke_config(tmp_path, "objective=val/map50"), [])


def test_the_terms_are_the_criterions() -> None:
    assert _TERMS == TERMS
