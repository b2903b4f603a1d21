"""Parts that cannot work together are refused while the configuration is composed."""

from typing import Any

import pytest

from lightweight_ssd.config.compatible_parts import check_parts
from lightweight_ssd.config.compose import compose


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["detector=ssd300", "classification=focal"],
            "Expected a loss with a background class for detector.head.background=true but got FocalLoss, which has "
            "none; set detector.head.background=false, or classification=softmax_hard_negative.",
        ),
        (["detector=pelee", "classification=hard_negative"], "but got HardNegativeLoss"),
        (["detector=pelee", "classification=sigmoid"], "but got SigmoidLoss"),
        (["detector=thundernet", "classification=sigmoid"], "but got SigmoidLoss"),
        (["classification=softmax_hard_negative"], "detector.head.background=true for SoftmaxHardNegativeLoss"),
        (["detector=pelee", "detector.head.background=false"], "detector.head.background=true for Softmax"),
        (["detector=pelee", "neck=cfpn"], "PeleeNet, whose last levels are not halves of each other, but got CFPN"),
        (["detector=ssd300", "neck=pan"], "VGG16SSD, whose last levels .* but got PAN"),
        (["backbone=peleenet", "neck=bifpn"], "but got BiFPN"),
        (
            ["detector=yolov2"],
            "image_size of multiples of 32 for neck=yolov2 but got 300; give one such as 416 or 544.",
        ),
        (["detector=yolov2", "image_size=[416,430]"], r"but got \[416, 430\]"),
        (
            ["detector=ssd300", "image_size=160"],
            "Expected an image_size of 268 or more a side for VGG16SSD but got 160; give one such as 300.",
        ),
        (
            ["detector=pelee", "image_size=[304,256]"],
            r"257 or more a side for PeleeNet but got \[304, 256\]; give .* 304",
        ),
    ],
)
def test_they_are_refused_in_a_sentence(overrides: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compose(overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        ["detector=ssd300"],
        ["detector=yolov2", "image_size=[416,544]"],
        ["detector=tiny_yolov2"],
        ["detector=ssd300", "classification=focal", "detector.head.background=false"],
        ["classification=softmax_hard_negative", "detector.head.background=true"],
        ["detector=pelee", "backbone=mblitenet"],
        ["detector=pelee", "backbone=mblitenet", "neck=cfpn", "loss=bll"],
        ["detector=ssd300", "neck=fpn"],
        ["detector=ssd300", "image_size=268"],
        ["detector=pelee", "image_size=[257,300]"],
        ["detector=ssd300", "backbone=mblitenet", "image_size=96"],
        ["experiment=table5", "row=table5/ssd300_vgg16", "scale=smoke"],
    ],
)
def test_others_work(overrides: list[str]) -> None:
    compose(overrides)


def test_other_commands_hear_of_it_too() -> None:
    with pytest.raises(ValueError, match="but got CFPN"):
        compose(["detector=ssd300", "neck=cfpn"], "profile")


@pytest.mark.parametrize("odd", [None, "text", 7, [], {"_target_": "my.Head", "background": True}])
def test_what_is_not_ours_is_left_alone(odd: Any) -> None:
    focal = {"_target_": "lightweight_ssd.classification.focal.FocalLoss"}
    check_parts({"detector": {"head": odd, "neck": odd, "backbone": odd}, "criterion": {"classification": focal}})
    check_parts({"detector": odd, "criterion": odd})


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["loss=yolo"], "coded in cells, such as detector=yolov3, for YOLOLoss but got VarianceCoder"),
        (["detector=thundernet", "loss=yolo_squared"], "for YOLOLoss but got VarianceCoder"),
        (["criterion=yolo"], "criterion=ssd for a detector with SSDHead but got YOLOCriterion"),
        (["detector=yolov3", "criterion=ssd"], "criterion=yolo for a detector with YOLOHead but got SSDCriterion"),
        (["detector=yolov3", "detector.head.softmax=true"], "softmax=true but got SigmoidLoss; give that, or set"),
        (["detector=yolov3", "classification=softmax_hard_negative"], "softmax=false but got SoftmaxHard"),
    ],
)
def test_those_of_yolo_are_refused_in_a_sentence(overrides: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compose(overrides)


@pytest.mark.parametrize("overrides", [["loss=bll"], ["classification=focal"], ["classification=hard_negative"]])
def test_other_losses_work_for_yolo(overrides: list[str]) -> None:
    compose(["detector=yolov3", "backbone=mobilenet_v1_three_levels", *overrides])
