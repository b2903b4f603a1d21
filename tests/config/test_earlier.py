"""Configurations of earlier versions, in the words of today's: `tests/checkpoint` has a whole checkpoint of one."""

from typing import Any

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.earlier import brought_up_to_date
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.runs.content import content_hash

WITHIN = ("trainer.max_epochs=1", "batch_size=126", "experiment_name=x")


def as_0_2_0(config: dict[str, Any]) -> dict[str, Any]:
    """What version 0.2.0 would have written of the same run."""
    detector, criterion = dict(config["detector"]), dict(config["criterion"])
    detector["variances"] = detector.pop("coder")["variances"]
    detector["head"] = {**detector["head"], "_target_": "lightweight_ssd.detector.head.SSDHead"}
    detector["anchors"] = {**detector["anchors"], "_target_": "lightweight_ssd.detector.anchors.SSDAnchors"}
    criterion["variances"] = criterion.pop("coder")["variances"]
    criterion["match_threshold"] = criterion.pop("matcher")["threshold"]
    criterion["_target_"] = "lightweight_ssd.loss.criterion.Criterion"
    return {**config, "detector": detector, "criterion": criterion}


def test_a_configuration_of_0_2_0_is_todays() -> None:
    today = resolved(compose(["criterion.matcher.threshold=0.4", "detector.coder.variances=[1,1,2,2]", *WITHIN]))
    before = as_0_2_0(today)
    matcher = {key: today["criterion"]["matcher"][key] for key in ("_target_", "threshold")}  # the rest came later
    without_later = {**today, "criterion": {**today["criterion"], "matcher": matcher}}
    assert before != today and brought_up_to_date(before) == without_later
    assert brought_up_to_date(today) == today


def test_a_run_of_0_2_0_has_the_same_content() -> None:
    today = resolved(compose([*WITHIN]))
    assert content_hash(as_0_2_0(today)) == content_hash(today)
    for changed in ("criterion.matcher.threshold=0.4", "detector.coder.variances=[1,1,2,2]"):
        other = resolved(compose([changed, *WITHIN]))
        assert content_hash(as_0_2_0(other)) == content_hash(other) != content_hash(today)


def test_a_matcher_or_coder_of_another_class_is_another_content() -> None:
    today = resolved(compose([*WITHIN]))
    for part in ("matcher", "coder"):
        other = {**today["criterion"][part], "_target_": "lightweight_ssd.nowhere.Another"}
        changed = {**today, "criterion": {**today["criterion"], part: other}}
        assert content_hash(changed) != content_hash(today)


def test_what_is_no_part_stays_what_it_is() -> None:
    odd = {"detector": "text", "criterion": {"variances": None}, "other": [{"_target_": 7}]}
    found = brought_up_to_date(odd)
    assert found["detector"] == "text" and found["other"] == [{"_target_": 7}]
    assert found["criterion"]["coder"]["variances"] is None
