"""Necks for a number of levels that the backbone does not have are refused while composing, and no others."""

from typing import Any

import pytest

from lightweight_ssd.config.backbone_levels import levels_of_backbone
from lightweight_ssd.config.compatible_parts import check_parts
from lightweight_ssd.config.compose import compose


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["detector=tiny_yolov3", "backbone=mblitenet"],
            "Expected a backbone with two levels for neck=tiny_yolov3 but got MBlitenet with 5; give "
            "backbone=tiny_darknet_two_levels, or another neck.",
        ),
        (
            ["detector=yolov2", "image_size=416", "backbone=darknet53"],
            "two levels for neck=yolov2 but got Darknet53 with",
        ),
        (["detector=yolo_nano", "backbone=mobilenet_v2"], "three levels for neck=yolo_nano but got MobileNetV2 with 6"),
        (["detector=yolo_nano", "backbone=efficientnet_lite0"], "but got EfficientNetLite0 with 5"),
        (["backbone=vgg16"], "Expected two or more levels for CFPN to fuse but got VGG16 with 1; use neck=none."),
        (["detector=tiny_yolov2", "neck=pan"], "for PAN to fuse but got TinyDarknet with 1"),
    ],
)
def test_they_are_refused_in_a_sentence(overrides: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compose(overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        ["detector=tiny_yolov3"],
        ["detector=tiny_yolov3", "backbone=snet"],
        ["detector=yolo_nano", "backbone=mobilenet_v1_three_levels"],
        ["detector=yolo_nano", "backbone=timm", "backbone.extra=[]"],
        ["detector=tiny_yolov3", "backbone=mblitenet", "backbone.extra_channels=[128]", "backbone.rows=[]"],
    ],
)
def test_others_work(overrides: list[str]) -> None:
    compose(overrides)


@pytest.mark.parametrize(
    "backbone",
    [
        {"_target_": "mine.Darknet53"},
        {"_target_": "lightweight_ssd.backbone.mine.Mine"},
        {"_target_": "lightweight_ssd.backbone.mblitenet.MBlitenet", "rows": "${rows}", "extra_channels": [1]},
        {"_target_": "lightweight_ssd.backbone.mblitenet.MBlitenet", "rows": [7], "extra_channels": [1]},
        {"_target_": "lightweight_ssd.backbone.timm.TimmBackbone", "extra": []},
        {"_target_": "lightweight_ssd.backbone.tiny_darknet.TinyDarknet", "level_strides": None},
    ],
)
def test_nothing_is_said_where_the_number_is_not_known(backbone: dict[str, Any]) -> None:
    config = {"detector": {"backbone": backbone, "neck": {"_target_": "lightweight_ssd.neck.yolo_nano.YOLONanoNeck"}}}
    assert levels_of_backbone(config) is None
    check_parts(config)
