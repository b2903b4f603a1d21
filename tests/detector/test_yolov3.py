"""YOLOv3 whole: counts to the digit, other parts in its place, gradients, and a training through the real command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from tests.command_line import run_command

import lightweight_ssd as lssd
from lightweight_ssd.checkpoint.load import build_detector
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.data.synthetic.scene import draw_scene
from lightweight_ssd.detector.inference import prepared_for_inference
from lightweight_ssd.profiling.complexity import complexity

MOBILENET = ["backbone=mobilenet_v1_three_levels"]
NARROW = ["detector=yolov3", "backbone.width=0.0625"]
NAMES = [f"class {number}" for number in range(20)]
PARTS = {
    "darknet53": ([], 608, (40_584_928, 20_906_496, 134_625), 22_743, 69.88),
    "mobilenet": (MOBILENET, 300, (3_206_976, 20_906_496, 134_625), 5_715, 5.59),
    "separable": ([*MOBILENET, "neck.separable=true"], 300, (3_206_976, 4_420_992, 134_625), 5_715, 2.07),
}
TOTALS = {"darknet53": 61_626_049, "mobilenet": 24_248_097, "separable": 7_762_593}


@pytest.mark.parametrize("name", PARTS)
def test_counts(name: str) -> None:
    overrides, side, parts, anchors, macs = PARTS[name]
    with torch.device("meta"):
        detector = build_detector(resolved(compose(["detector=yolov3", *overrides], "profile")), NAMES)
    counted = complexity(detector, side)
    assert counted["parameters"] == sum(parts) == TOTALS[name]
    assert tuple(part["parameters"] for part in counted["parts"].values()) == parts
    assert counted["anchors"] == anchors
    assert round(counted["macs"] / 1e9, 2) == macs


def narrow(*overrides: str) -> tuple[Any, Any]:
    torch.manual_seed(0)
    config = resolved(compose([*NARROW, *overrides]))
    return build_detector(config, ["a", "b", "c"]), build(config["criterion"])


@pytest.mark.parametrize("overrides", [[], ["loss=bll"], ["loss=ciou"], ["loss=smooth_l1"], ["classification=focal"]])
def test_every_parameter_gets_a_gradient_with_any_loss(overrides: list[str]) -> None:
    detector, criterion = narrow(*overrides)
    images = torch.randint(0, 255, (2, 3, 64, 90), dtype=torch.uint8)
    boxes = torch.tensor([[[10.0, 10, 40, 50], [0, 0, 0, 0]], [[0, 0, 80, 60], [30, 30, 40, 40]]])
    losses = criterion(detector(images), boxes, torch.tensor([[1, -1], [0, 2]]))
    criterion.total(losses.terms).backward()
    assert [n for n, p in detector.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    assert losses.matched.item() == 3 and losses.divisor.item() == 2


def test_prepared_and_at_a_fixed_size_it_finds_the_same() -> None:
    detector, _ = narrow()
    images = torch.randint(0, 255, (2, 3, 64, 90), dtype=torch.uint8)
    found = detector.eval().predict(images)
    for each, ready in zip(found, prepared_for_inference(detector).predict(images), strict=True):
        torch.testing.assert_close(each.scores, ready.scores, atol=1e-5, rtol=1e-4)
    with torch.no_grad():
        raw, (boxes, scores) = detector(images), detector.at_size((64, 90))(images)
    torch.testing.assert_close(boxes, detector.coder.decode(raw.offsets, raw.anchors, raw.cells))
    torch.testing.assert_close(scores, detector.head.scores(raw))


def test_a_backbone_with_other_levels_needs_shapes_of_its_own() -> None:
    with pytest.raises(ValueError, match=r"levels with 5 lists of \[width, height\], one per level .* but got 3"):
        build_detector(resolved(compose(["detector=yolov3", "backbone=mblitenet"])), NAMES)
    shapes = "detector.anchors.levels=[[[9,9]],[[20,20]],[[40,40]],[[80,80],[60,99]],[[200,200]]]"
    detector = build_detector(resolved(compose(["detector=yolov3", "backbone=mblitenet", shapes])), NAMES)
    assert detector.anchors.per_cell(5) == [1, 1, 1, 2, 1]


SMALL = [
    *("data=shapes_tiny", "augment=none", "optim=adamw", "trainer=cpu", "logger=csv", "image_size=64", "batch_size=4"),
    *("eval_batch_size=4", "num_workers=0", "pictures=2", "anchors=auto", "callbacks.ema.decay=0.9", "latency=null"),
    "trainer.log_every_n_steps=1",
]


def train(folder: Path, epochs: int, *overrides: str) -> Path:
    """The folder of a run of a narrow one, with a moving average, shapes fitted to the data, and a gray test."""
    places = [f"run_dir={folder / f'epochs-{epochs}'}", f"data.root={folder / 'data'}"]
    return lssd.train([*NARROW, *SMALL, *places, f"trainer.max_epochs={epochs}", *overrides]).run_dir


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("yolov3"), 1)


@pytest.mark.slow
def test_the_command_trains_measures_and_resumes(run: Path) -> None:
    results = json.loads((run / "results.json").read_text())
    assert set(results["parts"]) == {"backbone", "neck", "head"}
    assert results["test"]["map_50"] >= 0 and results["test_gray"]["map_50"] >= 0
    columns = (run / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"train/classification", "train/localization", "train/objectness", "val/objectness"} <= set(columns)
    model = lssd.load(run / "checkpoints" / "best.ckpt")
    levels = yaml.safe_load((run / "config.yaml").read_text())["detector"]["anchors"]["levels"]
    assert [len(level) for level in levels] == [3, 3, 3] and levels[0][0] != [10, 13]
    assert model.predict(sorted((run.parent / "data").rglob("*.jpg"))[0], score_threshold=0.0).boxes.shape[1] == 4
    longer = train(run.parent, 2, f"resume={run / 'checkpoints' / 'last.ckpt'}")
    assert json.loads((longer / "results.json").read_text())["training"]["epochs"] == 2


@pytest.mark.slow
def test_its_onnx_file_finds_the_same(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(3):
        scene = draw_scene(np.random.default_rng(seed), (64, 64), ["circle", "star"])
        Image.fromarray(scene.image).save(tmp_path / f"{seed}.png")
    settings: Any = {"images": tmp_path, "parity_images": 3, "measure": "none"}
    checkpoint = run / "checkpoints" / "best.ckpt"
    done = lssd.export(checkpoint, output=tmp_path / "yolo.onnx", **settings)
    assert done.card.variances is None and done.card.parity is not None and done.card.parity.batches == [1, 3]
    with pytest.raises(ValueError, match=r"outputs=boxes or outputs=nms for YOLOHead, whose objectness"):
        lssd.export(checkpoint, output=tmp_path / "raw.onnx", outputs="raw", **settings)
    arguments = [f"model={done.file}", f"source={tmp_path / '0.png'}", f"output={tmp_path / 'found'}"]
    outcome = run_command(monkeypatch, capsys, "predict", *arguments)
    assert outcome.code is None, outcome.err
    assert (tmp_path / "found").is_dir()
