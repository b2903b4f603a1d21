"""Completion with Tab: what is offered, and that a real bash offers it."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.command_line import ending, run_command

from lightweight_ssd.cli import _COMMANDS
from lightweight_ssd.commands.completion import candidates
from lightweight_ssd.config.paths import options_of


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("lssd tr", ["train"]),
        ("lssd da", ["data"]),
        ("lssd data ch", ["check"]),
        ("lssd data check data=vo", ["voc", "voc_train_val"]),
        ("lssd train nec", ["neck.", "neck="]),
        ("lssd train neck=", options_of("neck")),
        ("lssd train -m neck=fpn,p", ["fpn,pan", "fpn,pelee"]),
        ("lssd train neck.wi", ["neck.width="]),
        ("lssd train trainer.max", ["trainer.max_epochs=", "trainer.max_steps="]),
        ("lssd train callbacks.early", ["callbacks.early_stopping."]),
        ("lssd train gray_test=t", ["true"]),
        ("lssd train +ne", ["+neck.", "+neck="]),
        ("lssd train experiment=tab", ["table3", "table4", "table5", "table6"]),
        ("lssd train data.root=", []),
        ("lssd predict chec", ["checkpoint="]),
        ("lssd predict checkpoint=", []),
        ("lssd evaluate postprocess.", [f"postprocess.{name}=" for name in (
            "iou_threshold", "max_candidates", "max_detections", "score_threshold")]),
        ("lssd train --he", ["--help"]),
        ("lssd config los", ["loss"]),
        ("lssd nothing x", []),
        ("lssd", []),
    ],
)  # fmt: skip
def test_what_is_offered(line: str, offered: list[str]) -> None:
    assert candidates(line, _COMMANDS) == offered


def test_every_command_and_group_is_offered() -> None:
    assert {*candidates("lssd ", _COMMANDS)} == {"--help", "--version", *(name.split()[0] for name in _COMMANDS)}
    for group in ("backbone", "neck", "loss", "augment", "data", "optim", "trainer", "logger", "experiment", "scale"):
        assert candidates(f"lssd train {group}=", _COMMANDS) == options_of(group)


@pytest.mark.parametrize("asked", [("-sc",), ("-sc", "install=fish"), ("--shell-completion", "install=zsh")])
def test_another_shell_is_told_what_there_is(asked: tuple[str, ...], monkeypatch, capsys) -> None:
    said = run_command(monkeypatch, capsys, *asked).code
    assert said == 'lssd: completion is there for bash; put this line into ~/.bashrc: eval "$(lssd -sc install=bash)"'


@pytest.mark.slow
def test_a_real_bash_completes_with_tab(tmp_path: Path) -> None:
    command = tmp_path / "bin" / "lssd"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nfrom lightweight_ssd.cli import main\nmain()\n")
    command.chmod(0o755)
    (tmp_path / "photo.jpg").touch()
    path = f"{command.parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PS1": "$ ", "TERM": "dumb", "INPUTRC": "/dev/null"}
    controller, terminal = pty.openpty()
    bash = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-i"], cwd=tmp_path, env=environment, stdin=terminal, stdout=terminal,
        stderr=terminal, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)

    def type_and_read(text: str, until: str) -> str:
        os.write(controller, text.encode())
        seen, end = "", time.monotonic() + 60
        while not re.search(until, seen):
            assert time.monotonic() < end, f"after {text!r} there was only {seen!r}"
            if select.select([controller], [], [], 1)[0]:
                seen += os.read(controller, 4096).decode()
        return seen

    with ending(bash):
        type_and_read('eval "$(lssd -sc install=bash)"; echo ready $((6*7))\n', "ready 42")
        type_and_read("lssd tra\t", "lssd train ")
        type_and_read("neck=bi\t", "neck=bifpn ")
        type_and_read("trainer.max_s\t", r"trainer\.max_steps=$")
        type_and_read("5 optim=ad\t", "optim=adamw ")
        type_and_read("\x15lssd predict pho\t", r"lssd predict photo\.jpg ")
        type_and_read("checkp\t", "checkpoint=$")
        type_and_read("pho\t", r"photo\.jpg ")
    os.close(controller)
