import json
from pathlib import Path

import pytest
import torch
from tests.command_line import TINY, run_command, tiny_checkpoint, tiny_config

from lightweight_ssd.commands.profile import table
from lightweight_ssd.config.compose import compose
from lightweight_ssd.profiling.profile import profile

QUICK = {"device": "cpu", "warmup": 0, "repeats": 2}


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_command_prints_and_writes(tmp_path: Path, monkeypatch, capsys):
    size = ("image_size=[64,96]", "num_classes=3", "warmup=0", "repeats=2", "device=cpu")
    ended = run_command(monkeypatch, capsys, "profile", *TINY, *size, "output=made/tiny.json")
    assert ended.code is None
    assert "MBlitenet + CFPN, 3 classes, input 96×64" in ended.out
    assert "written to made/tiny.json" in ended.out
    figures = json.loads(Path("made/tiny.json").read_text())
    assert figures["input_size"] == [64, 96]
    assert figures["parameters"] == sum(part["parameters"] for part in figures["parts"].values()) > 0
    assert figures["macs"] == sum(part["macs"] for part in figures["parts"].values()) > 0
    assert figures["latency_p10_ms"] <= figures["latency_ms"] <= figures["latency_p90_ms"]
    assert figures["predict_latency_p10_ms"] <= figures["predict_latency_ms"] <= figures["predict_latency_p90_ms"]
    assert (figures["threads"], figures["device_type"]) == (1, "cpu")
    assert figures["device"]
    assert figures["torch"] == torch.__version__
    assert [path.name for path in tmp_path.iterdir()] == ["made"]  # no folder of Hydra's


@pytest.mark.slow
def test_checkpoint_brings_its_own_detector_and_size(tmp_path: Path):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    file = tmp_path / "run" / "checkpoints" / "best.ckpt"
    detector, _ = tiny_checkpoint(file, [64, 96])
    measured = profile(file, **QUICK)
    assert measured.parameters == sum(weight.numel() for weight in detector.parameters())
    assert (measured.classes, measured.input_size) == (2, [64, 96])
    assert profile(tmp_path / "run", image_size=64, **QUICK).input_size == [64, 64]
    assert table(measured).startswith(f"{file}: MBlitenet + CFPN, 2 classes, input 96×64")


@pytest.mark.slow
def test_the_table_has_the_fields_units_and_names_the_missing_neck():
    tiny = [setting for setting in TINY if not setting.startswith("neck")]
    shown = table(
        profile(detector=compose([*tiny, "neck=none"], "profile").detector, num_classes=3, image_size=64, **QUICK)
    )
    assert shown.startswith("MBlitenet (no neck), 3 classes, input 64×64") and "GMACs" in shown


@pytest.mark.slow
def test_threads_are_given_back():
    before = torch.get_num_threads()
    assert profile(detector=tiny_config()["detector"], image_size=64, threads=2, **QUICK).threads == 2
    assert torch.get_num_threads() == before


@pytest.mark.slow
def test_global_random_stream_is_left_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    profile(detector=tiny_config()["detector"], image_size=64, **QUICK)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.slow
def test_from_python_alone_it_is_the_papers_best_detector():
    measured = profile(image_size=96, **QUICK)
    assert (measured.backbone_class, measured.neck_class, measured.classes) == ("MBlitenet", "CFPN", 20)
    with pytest.raises(ValueError, match=r"Expected detector as a node of a configuration, .* but got 'fpn'"):
        profile(detector="fpn")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("threads=0", "Expected threads to be a whole number of at least 1, but got 0."),
        ("repeats=many", "Expected repeats to be a whole number of at least 1, but got 'many'."),
        ("device=tpu", "Expected device=auto, cpu, cuda or cuda:N but got tpu."),
        ("device=cuda:99", "Expected a GPU for device=cuda:99 but PyTorch sees"),
        ("image_size=1", "Expected an image_size of"),
        ("checkpoint=none.ckpt", "There is no checkpoint at none.ckpt"),
        ("output=file/figures.json", "Expected a folder to write in for output=… but got file (File exists)."),
        ("output=.", "is a folder; give output=profile.json."),
    ],
)
def test_bad_setting_gets_one_sentence(option: str, message: str, monkeypatch, capsys):
    Path("file").touch()
    ended = run_command(monkeypatch, capsys, "profile", option)
    assert ended.code == 1
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_what_a_checkpoint_overrules_is_refused(monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "profile", "checkpoint=a.ckpt", "neck=fpn", "num_classes=3")
    assert ended.code == 1
    assert "Expected no detector (backbone, neck), num_classes with checkpoint=…" in ended.err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("nck=fpn", "There is no key nck: did you mean neck=fpn?"),
        ("neck=fpm", "There is no option 'fpm' of neck: did you mean fpn?"),
        ("neck.widht=8", "There is no key neck.widht: did you mean neck.width=8?"),
    ],
)
def test_a_misspelled_option_gets_the_nearest(option: str, message: str, monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "profile", option)
    assert ended.code == 1
    assert message in ended.err
    assert "Traceback" not in ended.err
