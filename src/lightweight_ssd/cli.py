"""`lssd <command> [overrides]`: chooses the command and leaves everything after it to Hydra."""

import os
import sys
from importlib import import_module

__all__ = ["main"]

_COMMANDS = {
    "train": ("train", "trains a detector, tests it, and leaves a run folder with all figures and pictures"),
    "evaluate": ("evaluate", "measures a checkpoint on a test set"),
    "predict": ("predict", "draws a checkpoint's detections on images and writes them as JSON"),
    "profile": ("profile", "counts parameters and multiply-adds by part and times one image"),
    "report": ("report", "compares runs: tables with intervals, figures, and one page"),
    "config": ("show_config", "shows the config groups and their options, one line each"),
}

_HELP = """\
lssd: trains, ablates and compares lightweight single-shot detectors.

Usage: lssd COMMAND [OVERRIDE ...]

{commands}

Everything after the command is a Hydra override:
  lssd train data=voc data.root=VOCdevkit neck=fpn loss=ciou seed=1
  lssd COMMAND --help     what a command does, its options, an example
  lssd COMMAND --cfg job  the whole configuration it would run with
"""


def main() -> None:
    """Entry point of the `lssd` script and of `python -m lightweight_ssd`."""
    command = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if command in ("-h", "--help", "help"):
        print(_help(), end="")
    elif command == "--version":
        from lightweight_ssd import __version__

        print(f"lssd {__version__}")
    elif command not in _COMMANDS:
        raise SystemExit(f"lssd: there is no command {command!r}; choose one of {', '.join(_COMMANDS)}.")
    else:
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
        del sys.argv[1]  # Hydra reads what is left
        import_module(f"lightweight_ssd.{_COMMANDS[command][0]}").main()


def _help() -> str:
    width = max(map(len, _COMMANDS))
    return _HELP.format(commands="\n".join(f"  {name:<{width}}  {text}" for name, (_, text) in _COMMANDS.items()))
