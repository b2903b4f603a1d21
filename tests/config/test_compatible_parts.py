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
        (["classification=softmax_hard_negative"], "detector.head.background=true for SoftmaxHardNegativeLoss"),
        (["detector=pelee", "detector.head.background=false"], "detector.head.background=true for Softmax"),
        (["detector=pelee", "neck=cfpn"], "PeleeNet, whose last levels are not halves of each other, but got CFPN"),
        (["detector=ssd300", "neck=pan"], "VGG16SSD, whose last levels .* but got PAN"),
        (["backbone=peleenet", "neck=bifpn"], "but got BiFPN"),
    ],
)
def test_they_are_refused_in_a_sentence(overrides: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compose(overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        ["detector=ssd300"],
        ["detector=ssd300", "classification=focal", "detector.head.background=false"],
        ["classification=softmax_hard_negative", "detector.head.background=true"],
        ["detector=pelee", "backbone=mblitenet"],
        ["detector=pelee", "backbone=mblitenet", "neck=cfpn", "loss=bll"],
        ["detector=ssd300", "neck=fpn"],
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
