"""`lssd <command> [overrides]`: chooses the command and leaves everything after it to Hydra."""

import os
import sys
from importlib import import_module

from lightweight_ssd.system.allocator import HUGE_PAGES

__all__ = ["main"]

_COMMANDS = {
    "train": ("train", "trains a detector, tests it, and leaves a run folder with all metrics and plots"),
    "evaluate": ("evaluate", "measures a checkpoint on the test or val split"),
    "predict": (
        "predict",
        "a checkpoint's detections on images and videos: drawn, and as JSON, CSV, COCO or YOLO files",
    ),
    "profile": ("profile", "counts parameters and MACs by part and measures the latency of one image"),
    "export": ("export", "writes a checkpoint as an ONNX or OpenVINO file and checks that both find the same"),
    "report": ("report", "compares runs: tables with confidence intervals, plots, and one page"),
    "config": ("config", "shows the config groups and their options, one line each"),
    "data prepare": ("data_prepare", "downloads VOC or COCO, checks it and unpacks it"),
    "data check": ("data_check", "lists every problem of a data set in one table"),
    "data show": ("data_show", "draws augmented samples with their boxes"),
    "data convert": ("data_convert", "converts VOC format to COCO format and back"),
    "benchmark all": (
        "benchmark_all",
        "every benchmark unattended, and a plot of each against its target over commits",
    ),
    "benchmark loader": (
        "benchmark_loader",
        "images per second of the data loader, compared with decoding alone and other loaders",
    ),
    "benchmark step": ("benchmark_step", "a training step, compared with forward and backward alone"),
    "benchmark evaluate": ("benchmark_evaluate", "the metrics, compared with pycocotools and torchmetrics"),
    "benchmark startup": ("benchmark_startup", "seconds to the help text and to the first training step"),
    "benchmark latency": (
        "benchmark_latency",
        "one image on one thread: eager, compiled, ONNX Runtime and other detectors",
    ),
    "benchmark memory": ("benchmark_memory", "what training takes of the memory, by batch, size and precision"),
    "benchmark rows": ("benchmark_rows", "one image in each row of a table, in turns, beside the paper's times"),
    "benchmark size": ("benchmark_size", "time and memory of annotations from a thousand images to a million"),
}
_GROUPS = sorted({name.split()[0] for name in _COMMANDS if " " in name})

_COMPUTING = ("train", "evaluate", "predict")  # on large tensors

_HELP = """\
lssd: trains, ablates and compares lightweight single-shot detectors.

Usage: lssd COMMAND [OVERRIDE ...]

{commands}

Everything after the command is a Hydra override:
  lssd train data=voc data.root=VOCdevkit neck=fpn loss=ciou seed=1
  lssd COMMAND --help     what a command does, its options, an example
  lssd COMMAND --cfg job  the whole configuration it would run with

Completion with Tab, for bash: put  eval "$(lssd -sc install=bash)"  into ~/.bashrc
"""
_ASKS_FOR_HELP = ("-h", "--help", "help")


def main() -> None:
    """Entry point of the `lssd` script and of `python -m lightweight_ssd`."""
    words = sys.argv[1:3] if sys.argv[1:2] and sys.argv[1] in _GROUPS else sys.argv[1:2]
    command = " ".join(words) or "--help"
    if words and words[0] in _GROUPS and (len(words) == 1 or words[1] in _ASKS_FOR_HELP):
        print(_list(words[0]))
    elif command in _ASKS_FOR_HELP:
        print(_HELP.format(commands=_list()), end="")
    elif command == "--version":
        from lightweight_ssd import __version__

        print(f"lssd {__version__}")
    elif {"-sc", "--shell-completion"} & set(sys.argv):
        from lightweight_ssd.commands.completion import main as complete

        complete(_COMMANDS)
    elif command not in _COMMANDS:
        known = [name for name in _COMMANDS if words[0] not in _GROUPS or name.startswith(f"{words[0]} ")]
        raise SystemExit(f"lssd: there is no command {command!r}; choose one of {', '.join(known)}.")
    elif command != "config" and {"-h", "--help"} & set(sys.argv[1 + len(words) :]):
        from lightweight_ssd.config.help_text import help_text

        print(help_text(_COMMANDS[command][0]))
    else:
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
        if command in _COMPUTING:
            os.environ.setdefault(HUGE_PAGES, "1")
        del sys.argv[1 : 1 + len(words)]  # Hydra reads what is left
        import_module(f"lightweight_ssd.commands.{_COMMANDS[command][0]}").main()


def _list(group: str = "") -> str:
    """The commands, or those of a group, one line each."""
    width = max(map(len, _COMMANDS))
    chosen = {name: text for name, (_, text) in _COMMANDS.items() if not group or name.startswith(f"{group} ")}
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in chosen.items())
