from pathlib import Path

import pytest
from tests.command_line import run_command

from lightweight_ssd.commands.config import default_options, groups, overview
from lightweight_ssd.config.option_text import describe
from lightweight_ssd.config.paths import CONF_DIR


def test_every_option_of_every_group_has_a_description():
    found = groups(CONF_DIR)
    assert {"backbone", "neck", "loss", "augment", "data", "optim", "trainer", "logger", "experiment"} <= set(found)
    undescribed = [f"{group}/{name}" for group, options in found.items() for name, text in options.items() if not text]
    assert undescribed == []


def test_groups_of_train_come_first_in_its_order():
    defaults = default_options(CONF_DIR / "train.yaml")
    known = [group for group in defaults if (CONF_DIR / group).is_dir()]
    assert list(groups(CONF_DIR))[: len(known)] == known


def test_defaults_are_options():
    found = groups(CONF_DIR)
    chosen = {group: option for group, option in default_options(CONF_DIR / "train.yaml").items() if option}
    assert chosen["loss"] == "bll"
    assert all(option in found[group] for group, option in chosen.items())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("_target_: a.b\n# what it is\n# more\n", "what it is"),
        ("# @package _global_\n\n# The question.\n", "The question."),
        ("value: 1  # not a line of its own\n  # indented\n", ""),
    ],
)
def test_describe(tmp_path: Path, text: str, expected: str):
    (tmp_path / "option.yaml").write_text(text)
    assert describe(tmp_path / "option.yaml") == expected


def test_overview_of_nothing():
    assert overview({}, {}) == ""


def test_command_shows_one_group(monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "config", "neck")
    assert ended.code is None
    assert "  * cfpn  " in ended.out
    assert "    fpn   " in ended.out
    assert "mblitenet" not in ended.out


def test_command_shows_all_groups(monkeypatch, capsys):
    out = run_command(monkeypatch, capsys, "config").out
    assert all(f"{group}\n" in out for group in groups(CONF_DIR))
    assert "hydra" not in out


@pytest.mark.parametrize(("group", "hint"), [("los", "did you mean loss?"), ("xyzzy", "choose one of backbone, neck")])
def test_unknown_group_gets_one_sentence(group: str, hint: str, monkeypatch, capsys):
    message = run_command(monkeypatch, capsys, "config", group).code
    assert isinstance(message, str)
    assert message.startswith(f"lssd config: there is no group '{group}'; {hint}")
    assert "\n" not in message


def test_settings_are_drawn_as_a_diagram(monkeypatch, capsys):
    out = run_command(monkeypatch, capsys, "config", "detector=ssd", "neck=fpn").out
    assert out.startswith("image ") and "neck=fpn: FPN (width 192)" in out and "criterion=ssd: SSDCriterion" in out


def test_settings_that_do_not_exist_get_one_sentence(monkeypatch, capsys):
    message = run_command(monkeypatch, capsys, "config", "neck=fpm").code
    assert isinstance(message, str) and message.startswith("lssd config: ") and "fpn" in message and "\n" not in message


def test_help(monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "config", "--help")
    assert ended.code == 0
    assert "usage: lssd config [-h] [GROUP] [GROUP=OPTION ...]" in ended.out
    assert "lssd config loss" in ended.out
