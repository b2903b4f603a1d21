"""YOLOv2, the two Tiny YOLOs and YOLO Nano: counts to the digit, and that each learns, predicts and exports."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from PIL import Image

import lightweight_ssd as lssd
from lightweight_ssd.checkpoint.load import build_detector
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.profiling.complexity import complexity

NARROW = {
    "yolov2": ("backbone.width=0.1", "neck.width=0.1"),
    "tiny_yolov2": ("backbone.width=0.1",),
    "tiny_yolov3": ("backbone.width=0.1", "neck.width=0.1"),
    "yolo_nano": ("backbone.width=0.2", "neck.width=0.2"),
}
CLASSES = ["circle", "square", "star"]


def composed(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config = compose("train", ["run_dir=/nowhere", "experiment_name=test", *overrides])
    return OmegaConf.to_container(config, resolve=True)  # pyright: ignore[reportReturnType]


def narrow(name: str, *overrides: str) -> tuple[Any, Any]:
    """A detector of few channels, and its criterion."""
    torch.manual_seed(0)
    config = composed(f"detector={name}", *NARROW[name], *overrides)
    return build_detector(config, CLASSES), build(config["criterion"])


@pytest.mark.parametrize(
    ("name", "size", "parts", "giga", "anchors"),
    [
        ("yolov2", 544, (19_817_376, 30_709_888, 128_125), 25.10, 5 * 17**2),
        ("tiny_yolov2", 416, (15_733_648, 0, 128_125), 3.486, 5 * 13**2),
        ("tiny_yolov3", 416, (6_294_416, 2_361_600, 57_750), 2.736, 3 * (26**2 + 13**2)),
        ("yolo_nano", 300, (3_927_698, 677_839, 55_575), 1.72, 3 * (38**2 + 19**2 + 10**2)),
    ],
)
def test_counts(name: str, size: int, parts: tuple[int, ...], giga: float, anchors: int) -> None:
    with torch.device("meta"):
        detector = build_detector(composed(f"detector={name}"), [str(label) for label in range(20)])
    measured = complexity(detector, size)
    assert tuple(part["parameters"] for part in measured["parts"].values()) == parts
    assert measured["parameters"] == sum(parts)
    assert float(f"{measured['macs'] / 1e9:.4g}") == giga or float(f"{measured['macs'] / 1e9:.3g}") == giga
    assert measured["anchors"] == anchors


def test_anchors_are_darknets() -> None:
    """In cells of 32 pixels as its configurations list them, for the two that have one level."""
    cells = {
        "yolov2": [(1.3221, 1.73145), (3.19275, 4.00944), (5.05587, 8.09892), (9.47112, 4.84053), (11.2364, 10.0071)],
        "tiny_yolov2": [(1.08, 1.19), (3.42, 4.41), (6.63, 11.38), (9.42, 5.11), (16.62, 10.52)],
    }
    for name, expected in cells.items():
        (level,) = composed(f"detector={name}")["detector"]["anchors"]["levels"]
        np.testing.assert_allclose(np.array(level) / 32, expected, rtol=1e-6)


@pytest.mark.parametrize("name", NARROW)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    detector, criterion = narrow(name)
    images = torch.randint(0, 256, (4, 3, 96, 128), dtype=torch.uint8)
    boxes = torch.tensor([[[8.0, 8, 18, 24], [88, 40, 128, 85], [5, 5, 100, 90]]]).repeat(4, 1, 1)  # one for each level
    losses = criterion(detector(images), boxes, torch.tensor([[0, 1, 2]] * 4))
    assert losses.matched == 12
    criterion.total(losses.terms).backward()
    assert [n for n, p in detector.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    assert all(p.grad.any() for p in detector.head.parameters())


@pytest.mark.parametrize("name", NARROW)
def test_a_batch_without_objects_teaches_the_background_alone(name: str) -> None:
    detector, criterion = narrow(name)
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    losses = criterion(detector(images), torch.zeros(2, 0, 4), torch.zeros(2, 0, dtype=torch.long))
    assert losses.matched == 0 and losses.terms["classification"] == 0 and losses.terms["localization"] == 0
    assert losses.terms["objectness"] > 0
    criterion.total(losses.terms).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in detector.parameters())


@pytest.mark.parametrize("name", NARROW)
def test_another_loss_and_another_backbone(name: str) -> None:
    """Each part stays free where the levels fit."""
    other = {"yolo_nano": "yolo_nano", "tiny_yolov3": "darknet19", "yolov2": "tiny_darknet_two_levels"}
    config = composed(f"detector={name}", "loss=bll", f"backbone={other.get(name, 'tiny_darknet')}")
    with torch.device("meta"):
        detector = build_detector(config, CLASSES)
    assert build(config["criterion"]).localization.space == "boxes"
    assert complexity(detector, 96)["anchors"] > 0


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("detector=yolov2", "backbone=mblitenet"), "two levels for neck=yolov2 but got 5; give backbone=darknet19"),
        (("detector=tiny_yolov3", "backbone=yolo_nano"), "two levels for neck=tiny_yolov3 but got 3"),
        (("detector=yolo_nano", "backbone=darknet19"), "three levels for neck=yolo_nano but got 2"),
        (("detector=tiny_yolov2", "backbone=darknet19"), "with 2 lists"),
    ],
)
def test_pairs_that_cannot_work_are_refused(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message), torch.device("meta"):
        build_detector(composed(*overrides), CLASSES)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["yolov2", "tiny_yolov3"])  # they have all layers that exporters might not know
def test_an_onnx_file_computes_the_same(name: str, tmp_path: Path) -> None:
    config = composed(f"detector={name}", *NARROW[name], "image_size=[64,96]")
    torch.manual_seed(0)
    detector = build_detector(config, CLASSES).train()
    for _ in range(5):  # normalizations that have seen images
        detector(torch.randint(0, 256, (4, 3, 64, 96), dtype=torch.uint8))
    weights = {f"detector.{key}": value for key, value in detector.state_dict().items()}
    about = {"config": config, "class_names": CLASSES}
    torch.save({"hyper_parameters": about, "state_dict": weights}, tmp_path / "narrow.ckpt")
    (tmp_path / "images").mkdir()
    for seed in range(2):
        pixels = np.random.default_rng(seed).integers(0, 256, (64, 96, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{seed}.png")
    done = lssd.export(
        tmp_path / "narrow.ckpt", format="onnx", output=tmp_path / "narrow.onnx", images=tmp_path / "images",
        parity_images=2, measure="none",
    )  # fmt: skip
    assert done.difference.pixels <= 1e-2 and done.difference.score <= 1e-4
