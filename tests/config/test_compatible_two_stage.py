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
        *(
            (["detector=faster_rcnn", f"backbone={name}"], "have several; give neck=cem")
            for name in ("darknet19", "darknet53", "efficientnet_lite0", "timm", "tiny_darknet_two_levels")
        ),
        (["detector=thundernet", "neck=yolov3"], "SNet and YOLOv3Neck have several"),
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
        ["detector=faster_rcnn", "backbone=tiny_darknet"],
        ["detector=faster_rcnn", "backbone=mobilenet_v1", "backbone.extra=[]", "+backbone.level_strides=[16]"],
        ["detector=faster_rcnn", "backbone=darknet19", "neck=yolov2", "image_size=320"],
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
