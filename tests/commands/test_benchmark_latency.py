"""`lssd benchmark latency`, tiny: every form beside every other detector."""

import sys
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tests.command_line import TINY, run_command

from lightweight_ssd.commands.benchmark_latency import measure
from lightweight_ssd.config.paths import CONF_DIR

SMALL = ["image_size=64", "rounds=2", "warmup=0", "num_classes=2"]
OURS = "MBlitenet + CFPN"


def _config(*overrides: str) -> dict:
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config = compose("benchmark_latency", [*TINY, *SMALL, *overrides])
    return OmegaConf.to_container(config, resolve=True)  # pyright: ignore[reportReturnType]


def test_ours_stands_beside_the_peers():
    threads = torch.get_num_threads()
    record = measure(_config("forms=[eager]"))
    assert [(figure.what, figure.beside) for figure in record.figures] == [
        (f"{OURS}, eager", "ssdlite320_mobilenet_v3_large"),
        (f"{OURS}, eager", "YOLO11n"),
    ]
    assert all(figure.ours > 0 and (figure.theirs or 0) > 0 for figure in record.figures)
    assert record.notes[0].startswith(f"Parameters: {OURS} 0.0")
    assert torch.get_num_threads() == threads


@pytest.mark.slow
def test_every_form_stands_beside_the_eager_one():
    record = measure(_config("forms=[eager,onnx]", "peers=false"))
    (figure,) = record.figures
    assert (figure.what, figure.beside) == (f"{OURS}, onnx", "eager")
    assert figure.ours > 0 and (figure.theirs or 0) > 0
    assert f"{OURS} onnx " in record.notes[1]


def test_a_form_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    record = measure(_config("forms=[eager,onnx]", "peers=false"))
    assert [figure.what for figure in record.figures] == [f"{OURS}, eager"]
    assert "onnxruntime is left out" in record.notes[-1]


def test_ours_alone():
    (figure,) = measure(_config("forms=[eager]", "peers=false")).figures
    assert (figure.what, figure.beside, figure.theirs) == (f"{OURS}, eager", "", None)


def test_no_form_at_all_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"Expected a form that can be run here\. onnxruntime is left out"):
        measure(_config("forms=[onnx]", "peers=false"))


def test_the_command_appends_its_section(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = [*TINY, *SMALL, "forms=[eager]", "peers=false", "results=figures.md"]
    ended = run_command(monkeypatch, capsys, "benchmark", "latency", *arguments)
    assert (ended.code, ended.err) == (None, "")
    assert "One image of 64×64 to the raw outputs, 1 thread(s), 2 rounds." in (tmp_path / "figures.md").read_text()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("threads=0", "Expected threads as a whole number of at least 1 but got 0."),
        ("image_size=32", "Expected image_size as a whole number of at least 64 but got 32."),
        ("forms=[tflite]", "Expected forms among eager, compiled, onnx but got ['tflite']."),
        ("forms=[]", "Expected forms among eager, compiled, onnx but got []."),
    ],
)
def test_bad_setting_gets_one_sentence(option: str, message: str, monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "benchmark", "latency", option, "results=null")
    assert ended.code == 1
    assert message in ended.err and "Traceback" not in ended.err
