"""Darknet's files of weights: every byte has its place, and the detector then computes what Darknet computes."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tests.darknet_network import NETWORKS, NEW, OLD, run, write

from lightweight_ssd.checkpoint.darknet import is_darknet
from lightweight_ssd.checkpoint.darknet_order import layers_of
from lightweight_ssd.checkpoint.init_from import initialise, trained_parameters
from lightweight_ssd.checkpoint.load import build_detector
from lightweight_ssd.config.paths import CONF_DIR

WIDTH = 1 / 16
NAMES = ["a", "b", "c"]


def build(name: str, width: float = WIDTH, classes: int = 3, *overrides: str) -> Any:
    own_width = ("yolov2", "tiny_yolov3")  # of the neck
    widths = [f"backbone.width={width}", *([f"neck.width={width}"] if name in own_width else [])]
    order = ["neck.passthrough=darknet"] if name == "yolov2" else []
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        given = ["run_dir=/nowhere", "experiment_name=test", f"detector={name}", *widths, *order, *overrides]
        config = OmegaConf.to_container(compose("train", given), resolve=True)
    return build_detector(config, [str(index) for index in range(classes)])  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("name", "header"), [*((name, NEW) for name in NETWORKS), ("tiny_yolov2", OLD)])
def test_a_file_read_gives_what_darknet_gives(name: str, header: bytes, tmp_path: Path) -> None:
    path = write(tmp_path / f"{name}.weights", NETWORKS[name], 3, WIDTH, header)
    detector = build(name).double()  # thousands of sums: the order of them shows in single precision
    report = initialise(detector, str(path), NAMES)
    assert not any(report[key] for key in ("other_shape", "not_in_file", "not_in_detector"))
    assert report["darknet"].endswith("bytes read; its classes are taken to be in the order of the detector's")
    images = torch.rand(2, 3, 96, 64, dtype=torch.float64)
    with torch.no_grad():
        logits, offsets, objectness = detector.eval().trace(images * 255)
    expected = run(path, NETWORKS[name], 3, WIDTH, images, header)
    found = torch.cat([offsets, objectness[..., None], logits], dim=-1)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", ["tiny_yolov2", "tiny_yolov3"])
def test_other_classes_leave_the_class_predictors(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / "yolo.weights", NETWORKS[name], 80, WIDTH)
    detector = build(name)
    before = {key: value.clone() for key, value in detector.head.classes.state_dict().items()}
    report = initialise(detector, str(path), NAMES)
    assert (
        "for 80 classes" in report["darknet"] and "class predictors not taken, the detector has 3" in report["darknet"]
    )
    assert sorted(report["other_shape"]) == sorted(f"head.classes.{key}" for key in before)
    assert not report["not_in_file"] and len(report["taken"]) > 10
    assert all(torch.equal(value, before[key]) for key, value in detector.head.classes.state_dict().items())


@pytest.mark.parametrize("name", ["yolov2", "yolov3"])
def test_a_file_of_the_backbone_leaves_the_rest(name: str, tmp_path: Path) -> None:
    detector = build(name)
    convs = sum(isinstance(module, torch.nn.Conv2d) for module in detector.backbone.modules())
    layers = NETWORKS[name]
    stop = [index for index, layer in enumerate(layers) if layer[0] == "conv"][convs - 1] + 1
    path = write(tmp_path / "backbone.conv", layers[:stop], 3, WIDTH)
    report = initialise(detector, str(path), NAMES)
    assert "of the first layers" in report["darknet"]
    assert {name.split(".")[0] for name in report["taken"]} == {"backbone"}
    assert {name.split(".")[0] for name in report["not_in_file"]} == {"neck", "head"}


@pytest.mark.parametrize(
    ("name", "part", "classes", "header", "size"),
    [
        ("yolov2", "", 20, OLD, 202_704_260),  # yolov2-voc.weights
        ("tiny_yolov2", "", 20, OLD, 63_471_556),  # yolov2-tiny-voc.weights
        ("yolov3", "", 80, NEW, 248_007_048),  # yolov3.weights
        ("yolov3", "backbone.", 80, NEW, 162_482_580),  # darknet53.conv.74
        ("tiny_yolov3", "", 80, NEW, 35_434_956),  # yolov3-tiny.weights
    ],
)
def test_sizes_of_the_published_files(name: str, part: str, classes: int, header: bytes, size: int) -> None:
    with torch.device("meta"):
        layers = layers_of(build(name, 1.0), Path("any"))
    counts = [layer.count(classes) for layer in layers if layer.conv.startswith(part)]
    assert len(header) + 4 * sum(counts) == size


@pytest.mark.parametrize(("change", "said"), [(4, "4 bytes are left"), (-2, "2 bytes are missing")])
def test_no_byte_may_be_left_or_missing(change: int, said: str, tmp_path: Path) -> None:
    path = write(tmp_path / "yolo.weights", NETWORKS["tiny_yolov3"], 3, WIDTH)
    content = path.read_bytes()
    path.write_bytes(content + bytes(change) if change > 0 else content[:change])
    detector = build("tiny_yolov3")
    before = {key: value.clone() for key, value in detector.state_dict().items()}
    with pytest.raises(ValueError, match=f"this detector has for 3 classes, but got [0-9,]+: {said}"):
        initialise(detector, str(path), NAMES)
    assert all(torch.equal(value, before[key]) for key, value in detector.state_dict().items())


def test_what_would_compute_something_else_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "yolo.weights", NETWORKS["yolov2"], 3, WIDTH)
    with pytest.raises(ValueError, match=r"settings for its weights in .* but got adjacent; give neck.passthrough"):
        initialise(build("yolov2", WIDTH, 3, "neck.passthrough=adjacent"), str(path))
    with pytest.raises(ValueError, match=r"but got .*; give 'detector.mean=\[0,0,0\]' 'detector.std"):
        initialise(build("yolov2", WIDTH, 3, "detector.mean=null", "detector.std=null"), str(path))
    with pytest.raises(ValueError, match=r"detector that Darknet has .*NoNeck and the head SSDHead; give detector="):
        initialise(build("tiny_yolov2", WIDTH, 3, "detector=ssd", "backbone=tiny_darknet", "neck=none"), str(path))


@pytest.mark.parametrize(
    ("slopes", "message"),
    [
        (("backbone.slope=0.01", "neck.slope=0.01"), r"slope 0\.01; give backbone\.slope=0\.1 neck\.slope=0\.1\."),
        (("neck.slope=0.0",), r"but got rectifiers of slope 0\.0; give neck\.slope=0\.1\."),  # built without a leak
    ],
)
def test_another_slope_is_refused(slopes: tuple[str, ...], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "yolo.weights", NETWORKS["yolov3"], 3, WIDTH)
    with pytest.raises(ValueError, match=message):
        initialise(build("yolov3", WIDTH, 3, *slopes), str(path))


def test_a_file_of_the_backbone_asks_nothing_of_the_necks_slope(tmp_path: Path) -> None:
    layers = NETWORKS["yolov3"]
    path = write(tmp_path / "darknet53.conv", layers[: [layer[0] for layer in layers].index("out") - 6], 3, WIDTH)
    report = initialise(build("yolov3", WIDTH, 3, "neck.slope=0.01"), str(path))
    assert {name.split(".")[0] for name in report["taken"]} == {"backbone"}
    with pytest.raises(ValueError, match=r"give backbone\.slope=0\.1\."):
        initialise(build("yolov3", WIDTH, 3, "backbone.slope=0.01"), str(path))


def test_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "yolo.weights", NETWORKS["tiny_yolov2"], 3, WIDTH)
    path.write_bytes(path.read_bytes()[:-4] + b"\xff\xff\xff\xff")
    with pytest.raises(ValueError, match="values that are not finite"):
        initialise(build("tiny_yolov2"), str(path))


def test_other_files_of_weights_are_not_darknets(tmp_path: Path) -> None:
    for legacy in (True, False):
        torch.save({"a": torch.zeros(3)}, tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
        assert not is_darknet(tmp_path / "a.pt")
    (tmp_path / "short").write_bytes(b"\0\0")
    assert not is_darknet(tmp_path / "short")
    assert trained_parameters(write(tmp_path / "b.weights", NETWORKS["tiny_yolov2"], 3, WIDTH)) == {}
