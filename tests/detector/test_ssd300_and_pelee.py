"""`detector=ssd300` and `detector=pelee` whole: counts, torchvision's outputs, and what a step gives a gradient."""

from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn
from torchvision.models.detection import ssd300_vgg16

from lightweight_ssd.backbone.vgg16_ssd import VGG16SSD
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.detector.ssd import Detector
from lightweight_ssd.profiling.complexity import complexity


def config(*overrides: str) -> Any:
    return OmegaConf.to_container(compose([*overrides, "run_dir=/nowhere"]), resolve=True)


def on_meta(*overrides: str) -> Detector:
    """A detector of 20 classes without values."""
    with torch.device("meta"):
        return build(config(*overrides)["detector"], num_classes=20)


@pytest.mark.parametrize(
    ("overrides", "size", "parts", "anchors", "gigas"),
    [
        (["detector=ssd300"], 300, (22_943_936, 0, 3_341_550), 8732, (31.37, 2)),
        (
            ["detector=ssd300", "classification=focal", "detector.head.background=false"],
            300, (22_943_936, 0, 3_207_888), 8732, (31.32, 2),
        ),
        (["detector=pelee"], 304, (2_097_248 + 1_426_688, 1_670_656, 231_300), 5142, (1.205, 3)),
    ],
)  # fmt: skip
def test_counts(
    overrides: list[str], size: int, parts: tuple[int, ...], anchors: int, gigas: tuple[float, int]
) -> None:
    counted = complexity(on_meta(*overrides), size)
    assert tuple(part["parameters"] for part in counted["parts"].values()) == parts
    assert counted["parameters"] == sum(parts) and counted["anchors"] == anchors
    assert round(counted["macs"] / 1e9, gigas[1]) == gigas[0]


def test_the_sums_of_the_papers() -> None:
    sums = {sum(each.numel() for each in on_meta(f"detector={name}").parameters()) for name in ("ssd300", "pelee")}
    assert sums == {26_285_486, 5_425_892}


@pytest.mark.slow
def test_torchvisions_ssd300_with_the_same_weights_gives_the_same_maps_and_outputs() -> None:
    torch.manual_seed(0)
    ours: Any = build(config("detector=ssd300", "detector.head.init_std=0.05")["detector"], num_classes=20).eval()
    with torch.device("meta"):  # random weights of its own would only take time
        theirs: Any = ssd300_vgg16(weights=None, weights_backbone=None, num_classes=21).eval()
    theirs.backbone.load_state_dict(ours.backbone.body.state_dict(), assign=True)
    for name, head in (("classes", theirs.head.classification_head), ("boxes", theirs.head.regression_head)):
        head.module_list.load_state_dict(getattr(ours.head, name).state_dict(), assign=True)
    images = torch.randint(0, 256, (1, 3, 268, 268), dtype=torch.uint8)
    with torch.no_grad():
        raw = ours(images)
        maps = list(theirs.backbone((images - ours.mean) / ours.std).values())
        outputs = theirs.head(maps)
    for level, expected in zip(ours.backbone((images - ours.mean) / ours.std), maps, strict=True):
        assert torch.equal(level, expected)
    assert torch.equal(raw.logits, outputs["cls_logits"]) and torch.equal(raw.offsets, outputs["bbox_regression"])
    torch.testing.assert_close(ours.head.scores(raw), outputs["cls_logits"].softmax(-1)[..., 1:])


@pytest.mark.parametrize(
    "overrides",
    [
        ["detector=ssd300"],
        ["detector=pelee"],
        ["detector=ssd300", "backbone=mblitenet"],
        ["detector=pelee", "backbone=mblitenet"],
        ["detector=ssd300", "neck=fpn"],
        ["detector=ssd300", "backbone=peleenet", "neck=pelee"],
        ["detector=pelee", "neck=none", "backbone=mobilenet_v1"],
        ["detector=ssd", "backbone=peleenet", "neck=none"],
    ],
    ids=" ".join,
)
def test_no_parameter_is_left_without_a_gradient(overrides: list[str]) -> None:
    """Else a run on several devices stops. Tensors without values are enough to see what is connected."""
    detector = on_meta(*overrides).train()
    raw = detector(torch.empty(2, 3, 304, 304, device="meta"))
    (raw.logits.sum() + raw.offsets.sum()).backward()
    assert [name for name, each in detector.named_parameters() if each.grad is None] == []
    assert raw.logits.shape[1] == raw.offsets.shape[1] == len(raw.anchors)


TINY = {
    "ssd300": ["backbone.width=0.03125"],
    "pelee": ["backbone.width=0.125", "neck.width=8"],
}


@pytest.mark.parametrize("name", TINY)
def test_a_step_with_and_without_objects_and_in_bfloat16_is_finite(name: str) -> None:
    torch.manual_seed(0)
    parts = config(f"detector={name}", *TINY[name])
    detector, criterion = build(parts["detector"], num_classes=3).train(), build(parts["criterion"])
    images = torch.randint(0, 256, (2, 3, detector.min_size, detector.min_size), dtype=torch.uint8)
    boxes, labels = torch.tensor([[[20.0, 30.0, 120.0, 150.0]], [[0.0] * 4]]), torch.tensor([[2], [-1]])
    for some, half in ((slice(0, 1), False), (slice(0, 0), False), (slice(0, 1), True)):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            losses = criterion(detector(images), boxes[:, some], labels[:, some])
            total = criterion.total(losses.terms)
        total.backward()
        assert total.isfinite() and (total > 0) == bool(losses.matched)
    gradients = {key: each.grad for key, each in detector.named_parameters()}
    assert [key for key, each in gradients.items() if each is None or not each.isfinite().all()] == []


@pytest.mark.parametrize("name", TINY)
def test_a_smaller_image_is_refused_in_a_sentence(name: str) -> None:
    detector = build(config(f"detector={name}", *TINY[name])["detector"], num_classes=3)
    least = {"ssd300": 268, "pelee": 257}[name]
    assert detector.min_size == least
    with pytest.raises(ValueError, match=f"Expected images of {least} pixels or more a side but got"):
        detector(torch.zeros(1, 3, least - 1, least))


def test_pictures_are_normalized_as_the_weights_expect() -> None:
    assert isinstance(on_meta("detector=ssd300").backbone, VGG16SSD)
    pelee = build(config("detector=pelee", *TINY["pelee"])["detector"], num_classes=1)
    torch.testing.assert_close(pelee.mean.flatten(), torch.tensor([123.68, 116.78, 103.94]))
    assert pelee.std.flatten().tolist() == pytest.approx([58.8] * 3)
    assert {m.eps for m in pelee.modules() if isinstance(m, nn.BatchNorm2d)} == {1e-3}
