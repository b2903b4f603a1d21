"""The whole way: a checkpoint to a file in ONNX and OpenVINO, equal to it, and run by nothing of ours."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from tests.command_line import run_command, tiny_checkpoint

import lightweight_ssd as lssd
from lightweight_ssd.data.synthetic.scene import draw_scene
from lightweight_ssd.export.export import Exported
from lightweight_ssd.runtimes.card import read_card
from lightweight_ssd.runtimes.runtime import load_runtime

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SUFFIX = {"onnx": ".onnx", "openvino": ".xml"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, and four drawn images of the size of its input."""
    place = tmp_path_factory.mktemp("export")
    tiny_checkpoint(place / "tiny.ckpt")
    (place / "images").mkdir()
    for seed in range(4):
        scene = draw_scene(np.random.default_rng(seed), (64, 64), ["circle", "star"])
        Image.fromarray(scene.image).save(place / "images" / f"{seed}.png")
        Image.fromarray(scene.image).save(place / f"{seed}.ppm")
    return place


def _export(folder: Path, format: str, **settings: object) -> Exported:
    name = "-".join([format, *map(str, settings.values())])
    return lssd.export(
        folder / "tiny.ckpt", format=format, output=folder / f"{name}{SUFFIX[format]}", images=folder / "images",
        parity_images=4, measure="none", **settings,
    )  # fmt: skip


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[str, Exported]:
    return {format: _export(folder, format) for format in SUFFIX}


@pytest.mark.slow
@pytest.mark.parametrize("format", SUFFIX)
def test_a_file_finds_what_its_checkpoint_finds(files: dict[str, Exported], format: str) -> None:
    done = files[format]
    assert done.difference.pixels <= 1e-2 and done.difference.score <= 1e-4
    assert done.card.parity is not None and done.card.parity.batches == [1, 3]
    assert done.card == read_card(done.file)
    assert all(path.is_file() for path in done.files)
    companions = {"onnx": set(), "openvino": {done.file.with_suffix(".bin").name}}[format]
    assert {path.name for path in done.files} == {done.file.name, f"{done.file.name}.json", *companions}


@pytest.mark.slow
def test_onnx_is_one_file_without_a_trace_of_the_machine(files: dict[str, Exported]) -> None:
    file = files["onnx"].file
    model = onnx.load(str(file), load_external_data=False)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)
    content = file.read_bytes()
    for place in (str(Path.home()), str(Path(lssd.__file__).parents[2]), "site-packages", "stack_trace"):
        assert place.encode() not in content
    assert {each.key for each in model.metadata_props} == {"lightweight_ssd"}
    assert json.loads(model.metadata_props[0].value)["class_names"] == ["circle", "square"]


@pytest.mark.slow
def test_int8_quantizes_every_convolution_and_stays_near(folder: Path) -> None:
    done = _export(folder, "onnx", precision="int8")
    model = onnx.load(str(done.file))
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert convolutions and all(
        makers.get(name) == "DequantizeLinear" for node in convolutions for name in node.input[:2]
    )
    assert 0 < done.difference.score < 0.05
    assert done.card.precision == "int8"


@pytest.mark.slow
def test_a_fixed_batch_floats_and_another_size(folder: Path) -> None:
    done = _export(folder, "onnx", batch=2, input="float32", image_size=[64, 96], outputs="raw")
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 64, 96), dtype=np.uint8)
    boxes, scores = load_runtime(done.file).run(images)
    assert boxes.shape[0] == scores.shape[0] == 3 and scores.shape[2] == 2
    assert (done.card.batch, done.card.input, done.card.image_size) == (2, "float32", (64, 96))


@pytest.mark.slow
def test_the_python_example_needs_nothing_of_ours(files: dict[str, Exported], folder: Path) -> None:
    photo = folder / "1.ppm"
    code = (
        "import runpy, sys\nsys.argv = sys.argv[1:]\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
        "assert not {'torch', 'lightweight_ssd', 'cv2'} & set(sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(EXAMPLES / "detect.py"), str(files["onnx"].file), str(photo)],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    detect = runpy.run_path(str(EXAMPLES / "detect.py"))["detect"]
    found = detect(str(files["onnx"].file), str(photo), 0.0101)
    expected = lssd.load(folder / "tiny.ckpt").predict(photo, score_threshold=0.0101)
    assert found and [name for name, _, _ in found] == expected.names
    np.testing.assert_allclose([box for _, _, box in found], expected.boxes, atol=1e-2)
    np.testing.assert_allclose([score for _, score, _ in found], expected.scores, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("format", SUFFIX)
def test_the_cpp_example_finds_the_same(
    files: dict[str, Exported], folder: Path, format: str, cpp_example: Path
) -> None:
    photo = folder / "1.ppm"
    command = [cpp_example, files[format].file, photo, "0.0101"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    rows = np.array([line.split() for line in ran.stdout.splitlines()], float)
    expected = lssd.load(folder / "tiny.ckpt").predict(photo, score_threshold=0.0101, max_detections=1000)
    wanted = np.column_stack([expected.labels, expected.boxes])
    distance = np.abs(np.column_stack([rows[:, 0], rows[:, 2:]])[:, None] - wanted[None]).max(axis=-1)
    assert len(rows) == len(wanted) > 10
    assert distance.min(axis=0).max() < 0.02 and distance.min(axis=1).max() < 0.02  # of each on either side


@pytest.fixture(scope="module")
def cpp_example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as its head says, by the C++ compiler that PyTorch's own compilation needs, too."""
    import openvino

    place, program = Path(openvino.__path__[0]), tmp_path_factory.mktemp("cpp") / "detect"
    (library,) = (place / "libs").glob("libopenvino.so.*")
    command = ["g++", "-std=c++17", "-O1", EXAMPLES / "detect.cpp", f"-I{place / 'include'}", library]
    subprocess.run([*command, f"-Wl,-rpath,{place / 'libs'}", "-o", program], check=True)
    return program


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"precision": "fp16"}, r"Expected precision=fp32\|int8 for format=onnx but got fp16; ONNX Runtime computes"),
        ({"output": "a.bin"}, r"Expected output=FILE\.onnx for format=onnx but got output=a\.bin\."),
        ({"precision": "int8"}, r"no data in its configuration|Expected data"),
        ({"images": "nowhere"}, r"Expected images in nowhere for images=… but there are none"),
        ({"format": "onx"}, r"onnx"),
    ],
)
def test_what_cannot_be_met_is_one_sentence(
    folder: Path, settings: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=sentence):
        lssd.export(folder / "tiny.ckpt", **{"output": tmp_path / "a.onnx", **settings})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_file_that_departs_is_kept_under_another_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lightweight_ssd.export.parity.MOST_SCORE", 1e-12)
    with pytest.raises(ValueError, match=r"but it departs by .* the file is kept as .*a\.onnx\.failed"):
        lssd.export(folder / "tiny.ckpt", output=tmp_path / "a.onnx", images=folder / "images")
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx.failed"]


@pytest.mark.slow
def test_the_command_says_what_it_wrote(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_command(monkeypatch, capsys, "export", str(folder / "tiny.ckpt"), f"images={folder / 'images'}")
    assert done.code is None, done.err
    first, second, third = done.out.splitlines()
    assert first.startswith(f"{Path('exports/tiny.onnx').absolute()}: onnx, fp32, ")
    assert first.endswith(", any number of images of 64×64, uint8")
    assert second.startswith("difference from the checkpoint on 10 images: boxes ")
    assert third == f"try it: lssd predict {Path('exports/tiny.onnx').absolute()} photos"


@pytest.mark.slow
def test_the_suppression_of_onnx_keeps_what_ours_keeps(folder: Path) -> None:
    done = _export(folder, "onnx", outputs="nms")
    assert [each.name for each in onnx.load(str(done.file)).graph.output] == ["selected", "boxes", "scores"]
    photos = [folder / f"{seed}.ppm" for seed in range(3)]
    found = lssd.load(done.file).predict(photos, score_threshold=0.0101)
    expected = lssd.load(folder / "tiny.ckpt").predict(photos, score_threshold=0.0101)
    for one, other in zip(found, expected, strict=True):
        assert len(one) == len(other) > 0 and one.names == other.names
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-2)
    with pytest.raises(ValueError, match=r"Expected outputs=boxes\|raw for format=openvino but got nms"):
        _export(folder, "openvino", outputs="nms")
