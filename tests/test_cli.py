import subprocess
import sys

import pytest

from lightweight_ssd import __version__
from lightweight_ssd.cli import _COMMANDS
from lightweight_ssd.config.paths import CONF_DIR
from tests.command_line import run_command

# One process for all: what it prints last is whether any of these imported what takes seconds.
_HELP_OF_ALL = """
import sys
from lightweight_ssd.cli import main
for arguments in {arguments}:
    sys.argv = ["lssd", *arguments]
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
print([name for name in ("torch", "lightning", "albumentations", "matplotlib", "cv2") if name in sys.modules])
"""


def test_help_is_quick_because_it_imports_nothing_heavy():
    arguments = [["--help"], ["config"], *([*name.split(), "--help"] for name in _COMMANDS)]
    code = _HELP_OF_ALL.format(arguments=arguments)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",)])
def test_help_names_every_command(arguments: tuple[str, ...], monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, *arguments)
    assert ended.code is None
    assert all(f"\n  {name} " in ended.out for name in _COMMANDS)


def test_version(monkeypatch, capsys):
    assert run_command(monkeypatch, capsys, "--version").out == f"lssd {__version__}\n"


def test_unknown_command_gets_one_sentence(monkeypatch, capsys):
    message = run_command(monkeypatch, capsys, "trian").code
    assert message == f"lssd: there is no command 'trian'; choose one of {', '.join(_COMMANDS)}."


def test_a_group_of_commands_lists_its_own(monkeypatch, capsys):
    for arguments in (("data",), ("data", "--help")):
        out = run_command(monkeypatch, capsys, *arguments).out
        assert [line.split("  ")[1] for line in out.splitlines()] == [n for n in _COMMANDS if n.startswith("data ")]
    message = run_command(monkeypatch, capsys, "data", "chekc").code
    assert message == (
        "lssd: there is no command 'data chekc'; choose one of data prepare, data check, data show, data convert."
    )


@pytest.mark.parametrize("name", [name for name in _COMMANDS if name != "config"])
def test_help_of_a_command_says_what_it_does_and_gives_an_example(name: str, monkeypatch, capsys):
    assert (CONF_DIR / f"{name.replace(' ', '_')}.yaml").is_file()
    out = run_command(monkeypatch, capsys, *name.split(), "--help").out
    assert out.startswith(f"lssd {name}: ")
    assert "Example" in out
    assert f"\n  lssd {name} " in out
    assert "hydra" not in out.lower().replace("hydra/launcher=", "")  # the text is ours, but for the one key to type


@pytest.mark.parametrize("name", ["predict", "profile"])
def test_whole_configuration_can_be_shown(name: str, monkeypatch, capsys):
    out = run_command(monkeypatch, capsys, name, "--cfg", "job").out
    assert "device: auto\n" in out


@pytest.mark.parametrize("more", [("seed=0", "--help"), ("--help", "nek=fpn"), ("-m", "-h")])
def test_help_is_the_same_wherever_it_is_asked_for(more: tuple[str, ...], monkeypatch, capsys):
    assert run_command(monkeypatch, capsys, "train", *more).out == run_command(monkeypatch, capsys, "train", "-h").out
