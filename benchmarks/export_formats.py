"""One checkpoint in every installed format and precision: size, difference from PyTorch, time and mAP, as Markdown.

    python benchmarks/export_formats.py RUN/checkpoints/best.ckpt --data.root=/data/VOCdevkit

Time is that of one image at one thread, with the decoding of the boxes, relative to ONNX Runtime in float32: in each
round every file runs once, in turns, and the median of the rounds' ratios counts. Formats whose packages are missing
and precisions that a format refuses are listed with the reason. With --beside OTHER.ckpt each file of another network
runs in the same rounds, and a second table says which share of the first network's time it takes.
"""

import argparse
import importlib.metadata
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch

from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.export.export import Exported, export
from lightweight_ssd.runtimes.runtime import Runtime, load_runtime
from lightweight_ssd.training.evaluation import evaluate

PRECISIONS = ("fp32", "fp16", "int8")
BASELINE = ("onnx", "fp32")
HEAD = "| format | precision | runtime | size, MB | boxes, px | scores | time | mAP@0.5 |"
RUNTIME_PACKAGES = {  # by format, the one whose version counts
    "onnx": "onnxruntime", "openvino": "openvino", "ncnn": "ncnn", "mnn": "mnn", "executorch": "executorch",
    "torch": "torch", "litert": "ai-edge-litert",
}  # fmt: skip


class File(NamedTuple):
    """An exported file, and how it is run."""

    format: str
    precision: str
    done: Exported
    runtime: Runtime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--output", type=Path, default=Path("build/export_formats"), help="folder for the files")
    parser.add_argument("--rounds", type=int, default=50, help="timed images of each file")
    parser.add_argument("--split", default="test", choices=["test", "val", "none"], help="on which mAP is measured")
    parser.add_argument("--formats", nargs="*", default=sorted(path.stem for path in (CONF_DIR / "format").iterdir()))
    parser.add_argument("--images", type=Path, help="folder with images in place of the checkpoint's data")
    parser.add_argument("--python", help="the interpreter with litert-torch, for format=litert")
    parser.add_argument("--image-size", type=int, help="pixels of the files' input in place of the checkpoint's")
    parser.add_argument("--precisions", nargs="*", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--beside", type=Path, help="checkpoint of another network, timed in the same rounds")
    known, others = parser.parse_known_args()
    data = dict(_setting(each) for each in others)
    torch.set_num_threads(1)
    files, notes = _export_all(known, data, known.checkpoint, known.output)
    beside = _export_all(known, data, known.beside, known.output / "beside")[0] if known.beside else []
    seconds = _in_turns([*files, *beside], known.rounds)
    baseline = next((times for file, times in zip(files, seconds, strict=False) if file[:2] == BASELINE), None)
    _print_shares(files, beside, seconds)
    shares = [_share(times, baseline) if baseline else None for times in seconds]
    table = zip(files, shares, strict=False)
    lines = [_line(file, share, known.split, data, known.checkpoint) for file, share in table]
    if known.split != "none":
        reached = _accuracy(known.checkpoint, known.split, data, known.output)
        lines.insert(0, f"| checkpoint | fp32 | torch {torch.__version__} | | | | | {reached} |")
    print("\n".join(["", HEAD, "|---" * 8 + "|", *lines, "", *(f"- {note}" for note in notes)]))


def _setting(text: str) -> tuple[str, str]:
    name, found, value = text.removeprefix("--data.").partition("=")
    if not (text.startswith("--data.") and found):
        raise SystemExit(f"Expected --data.NAME=VALUE but got {text}.")
    return name, value


def _export_all(
    known: argparse.Namespace, data: dict[str, Any], checkpoint: Path, folder: Path
) -> tuple[list[File], list[str]]:
    files, notes = [], []
    for name in known.formats:
        for precision in known.precisions:
            node: Any = name
            if name == "litert" and known.python:
                node = {"_target_": "lightweight_ssd.export.litert.LiteRT", "python": known.python}
            path = folder / f"{name}-{precision}{_suffix(name)}"
            try:
                done = export(
                    checkpoint,
                    format=node,
                    image_size=known.image_size,
                    precision=precision,
                    data=data or None,
                    output=path,
                    measure="none",
                    images=known.images,
                )
                files.append(File(name, precision, done, load_runtime(done.file, threads=1)))
                print(f"{name} {precision}: {done.difference}", flush=True)
            except ValueError as error:
                notes.append(f"{name} {precision}: {error}")
        for each in [file for file in files if name == "openvino" == file.format]:
            if each.precision == "fp32":
                files.append(each._replace(precision="bf16", runtime=load_runtime(each.done.file, 1, "bf16")))
    return files, notes


def _suffix(name: str) -> str:
    """Of a format's files, from the class that its option names."""
    from importlib import import_module

    module, _, kind = (CONF_DIR / "format" / f"{name}.yaml").read_text().split("\n")[0].split(": ")[1].rpartition(".")
    return getattr(import_module(module), kind).suffix


def _in_turns(files: list[File], rounds: int) -> list[list[float]]:
    """Seconds of each file in each round; the first five rounds do not count."""
    height, width = files[0].done.card.image_size
    image = np.random.default_rng(0).integers(0, 256, (1, 3, height, width), np.uint8)
    seconds: list[list[float]] = [[] for _ in files]
    for number in range(rounds + 5):
        for at in range(len(files))[:: 1 if number % 2 else -1]:
            started = time.perf_counter()
            files[at].runtime.run(image)
            seconds[at].append(time.perf_counter() - started)
    return [times[5:] for times in seconds]


def _share(times: list[float], baseline: list[float]) -> float:
    return median(own / other for own, other in zip(times, baseline, strict=True))


def _print_shares(files: list[File], others: list[File], seconds: list[list[float]]) -> None:
    """Of each file of the other network, its share of the first network's time in the same format and precision."""
    first = {file[:2]: times for file, times in zip(files, seconds, strict=False)}
    for file, times in zip(files, seconds, strict=False):
        print(f"{file.format} {file.precision}: {1000 * median(times):.2f} ms, median", flush=True)
    if others:
        print("\n| format | precision | ms | share of the first network's time |\n|---|---|---|---|")
    for file, times in zip(others, seconds[len(files) :], strict=True):
        share = _share(times, first[file[:2]]) if file[:2] in first else float("nan")
        print(f"| {file.format} | {file.precision} | {1000 * median(times):.1f} | {share:.2f} |", flush=True)


def _line(file: File, ratio: float | None, split: str, data: dict[str, Any], checkpoint: Path) -> str:
    package = RUNTIME_PACKAGES[file.format]
    size = sum(path.stat().st_size for path in file.done.files if path.suffix != ".json") / 1e6
    difference, time_share = file.done.difference, "" if ratio is None else f"{ratio:.2f}"
    apart = f"{difference.pixels:.1e} | {difference.score:.1e}"
    if file.precision == "bf16":
        apart = " | "
    measured = split != "none" and file.precision != "bf16"  # `evaluate` runs a file in float32
    accuracy = _accuracy(checkpoint, split, data, file.done.file.parent, file.done.file) if measured else ""
    about = f"{file.format} | {file.precision} | {package} {_version(package)} | {size:.2f}"
    return f"| {about} | {apart} | {time_share} | {accuracy} |"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # a module on the path that was not installed
        return "of unknown version"


def _accuracy(checkpoint: Path, split: Any, data: dict[str, Any], folder: Path, model: Path | None = None) -> str:
    """mAP at IoU 0.5 of a checkpoint, or of a file made from it, in percent."""
    found = evaluate(
        checkpoint, model=model, data=data or None, split=split, output=folder / "evaluation", pictures=0,
        coco_metric=False, trainer={"accelerator": "cpu", "precision": "32-true"},
    )  # fmt: skip
    print(f"{model or checkpoint}: {found.metrics.map_50}", flush=True)
    return f"{100 * (found.metrics.map_50 or 0):.2f}"


if __name__ == "__main__":
    main()
