"""Parts that two stages cannot have, and losses that a head cannot learn by, are refused while composing."""

import pytest

from lightweight_ssd.config.compose import compose


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["detector=thundernet", "criterion=ssd"],
            "Expected criterion=two_stage for a detector of two stages but got SSD",
        ),
        (
            ["criterion=two_stage"],
            "Expected criterion=ssd for this detector but got TwoStageCriterion; leave criterion=… out",
        ),
        (
            ["detector=faster_rcnn", "classification=focal"],
            "with a background class for detector.head.background=true but got FocalLoss, which has none; set "
            "detector.head.background=false, or classification=softmax.",
        ),
        (["detector=thundernet", "detector.head.background=false"], "detector.head.background=true for SoftmaxLoss"),
        (["detector=faster_rcnn", "backbone=mblitenet"], "but MBlitenet and NoNeck have several; give neck=cem"),
        (["detector=thundernet", "neck=cfpn"], "SNet and CFPN have several"),
        (["classification=softmax"], "Expected detector.head.background=true for SoftmaxLoss, which counts"),
        (["detector=ssd300", "classification=sampled"], "background=true but got SampledLoss"),
        (["detector=ssd300", "classification=softmax", "classification.background=false"], "a softmax without it"),
    ],
)
def test_they_are_refused_in_a_sentence(overrides: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compose(overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        ["detector=thundernet"],
        ["detector=faster_rcnn"],
        ["detector=thundernet", "backbone=mblitenet", "loss=bll"],
        ["detector=faster_rcnn", "backbone=mblitenet", "neck=cem"],
        ["detector=thundernet", "classification=focal", "detector.head.background=false"],
        ["detector=thundernet", "classification=softmax_hard_negative"],
        ["detector=ssd300", "classification=softmax"],
        ["classification=sampled"],
    ],
)
def test_others_work(overrides: list[str]) -> None:
    compose(overrides)


def test_a_profile_hears_of_it_too() -> None:
    with pytest.raises(ValueError, match="but got SSDCriterion"):
        compose(["detector=thundernet", "criterion=ssd"], "profile")
