"""`lssd benchmark step`, tiny: which lines it has and that their figures are possible, never how fast it is."""

import sys
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from tests.command_line import TINY, run_command

from lightweight_ssd.commands.benchmark_step import measure
from lightweight_ssd.config.paths import CONF_DIR

SMALL = ["image_size=64", "batch_size=2", "rounds=2", "warmup=1", "trainer=cpu", "num_workers=0", "num_classes=2"]
DATA = ["data.train_images=8", "data.val_images=2", "data.test_images=2", "data.image_size=64", "data.min_scale=0.3"]


def _config(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config = compose("benchmark_step", [*TINY, *SMALL, *overrides])
    OmegaConf.set_struct(config, False)
    return config


@pytest.mark.slow
def test_all_lines(tmp_path: Path):
    threads = torch.get_num_threads()
    record = measure(_config("with_data=true", f"data.root={tmp_path}", *DATA))
    assert [(figure.what, figure.beside) for figure in record.figures] == [
        ("MBlitenet + CFPN, a step", "forward and backward alone"),
        ("ssdlite320_mobilenet_v3_large, a step", "forward and backward alone"),
        ("YOLO11n, a step", "forward and backward alone"),
        ("step over bare", "ssdlite320_mobilenet_v3_large"),
        ("step over bare", "YOLO11n"),
        ("MBlitenet + CFPN, a step of lssd train", "forward and backward alone"),
        ("training, data being read", "data on the device"),
    ]
    assert all(figure.ours > 0 and figure.theirs is not None and figure.theirs > 0 for figure in record.figures)
    assert [figure.target.value for figure in record.figures if figure.target] == [1.05]
    assert record.setting.startswith("MBlitenet + CFPN at 64×64, peers at 320×320, batch 2, 32-true, ")
    assert "matching " in record.notes[0] and "moving average " in record.notes[0]
    assert torch.get_num_threads() == threads


def test_without_peers_and_loop():
    record = measure(_config("peers=false", "loop=false", "threads=1", "channels_last=true"))
    assert [figure.what for figure in record.figures] == ["MBlitenet + CFPN, a step"]
    assert "1 CPU threads" in record.setting


@pytest.mark.slow
@pytest.mark.parametrize(("images", "notes"), [(4, 2), (6, 1)])
def test_too_few_images_for_the_steps_are_told(images: int, notes: int, tmp_path: Path):
    data = [f"data.root={tmp_path}", *DATA, f"data.train_images={images}"]
    record = measure(_config("with_data=true", "peers=false", "loop=false", *data))
    assert len(record.notes) == notes
    assert all("data.train_images=6 of data=shapes" in note for note in record.notes[1:])


@pytest.mark.slow
def test_a_peer_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    record = measure(_config("loop=false"))
    assert not any("YOLO" in figure.what + figure.beside for figure in record.figures)
    assert "ultralytics is left out" in record.notes[0]


def test_the_command_appends_its_section(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ended = run_command(monkeypatch, capsys, "benchmark", "step", *TINY, *SMALL, "peers=false", "loop=false")
    assert (ended.code, ended.err) == (None, "")
    assert "## step, " in ended.out
    assert "| MBlitenet + CFPN, a step |" in (tmp_path / "benchmarks" / "RESULTS.md").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["benchmarks"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("rounds=0", "Expected rounds as a whole number of at least 1 but got 0."),
        ("threads=0", "Expected threads as a whole number of at least 1, or null, but got 0."),
        ("batch_size=auto", "Expected batch_size as a whole number of at least 1, or null, but got auto."),
        ("trainer.precision=64-true", "Expected trainer.precision among"),
    ],
)
def test_bad_setting_gets_one_sentence(option: str, message: str, monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "benchmark", "step", option, "results=null")
    assert ended.code == 1
    assert message in ended.err and "Traceback" not in ended.err
