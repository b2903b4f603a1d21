"""Keys that look like numbers are text, and a file is parsed once for each of its versions."""

from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from lightweight_ssd.config import text_keys


def _read(folder: Path) -> object:
    text_keys.read_keys_as_text()
    with initialize_config_dir(str(folder), version_base="1.3"):
        return OmegaConf.to_container(compose("mine"))


def test_years_become_text_and_text_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("train: {2007: trainval, '2012': train}\nmore: [{1: a}]\n")
    assert _read(tmp_path) == {"train": {"2007": "trainval", "2012": "train"}, "more": [{"1": "a"}]}


def test_a_file_is_parsed_once_and_again_after_a_change(tmp_path: Path, monkeypatch) -> None:
    parsed = []
    read = text_keys.FileConfigSource._parsed
    monkeypatch.setattr(
        text_keys.FileConfigSource, "_parsed", lambda self, path: parsed.append(path) or read(self, path)
    )
    file = tmp_path / "mine.yaml"
    file.write_text("seed: 1\n")
    assert [_read(tmp_path), _read(tmp_path)] == [{"seed": 1}, {"seed": 1}] and len(parsed) == 1
    file.write_text("seed: 22\n")
    assert _read(tmp_path) == {"seed": 22} and len(parsed) == 2


def test_what_is_changed_afterwards_does_not_reach_the_next(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("classes: [cat]\n")
    text_keys.read_keys_as_text()
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        first = compose("mine")
        OmegaConf.set_struct(first, False)
        first.classes.append("dog")
        assert compose("mine").classes == ["cat"]
