"""`lssd profile`: what a detector costs, in parameters, multiply-adds and milliseconds."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.paths import CONF_DIR

if TYPE_CHECKING:  # torch takes seconds to import, which `--help` should not
    from lightweight_ssd.detector.ssd import Detector

__all__ = ["main", "profile", "table"]

_FROM_CHECKPOINT = ("backbone", "neck", "detector", "num_classes")
_LEAST = {"num_classes": 1, "threads": 1, "warmup": 0, "repeats": 1}


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="profile")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd profile`."""
    with one_sentence_errors("lssd profile"):
        given = [re.split("[=.@]", override.lstrip("+~"))[0] for override in HydraConfig.get().overrides.task]
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        print(table(profile(config, given), config["output"]))


def profile(config: dict[str, Any], given: Collection[str] = ()) -> dict[str, Any]:
    """Measures the detector of a configuration and writes the figures where it says.

    Args:
        config: As composed from `conf/profile.yaml`, plain containers.
        given: Keys that the user gave; with a checkpoint, those that it brings itself are refused, not ignored.

    Returns:
        The figures, as they go into the file. `latency_ms` is that of the raw outputs, `predict_latency_ms` has the
        post-processing with it; both are medians.

    Raises:
        ValueError, FileNotFoundError: For a setting that cannot be met.
    """
    from lightweight_ssd.profiling.complexity import complexity
    from lightweight_ssd.system.device import choose_device
    from lightweight_ssd.system.json_file import write_json

    _check(config, given)
    output, device = _output_file(config["output"]), choose_device(config["device"])
    detector, of, image_size = _detector(config, given)
    figures = {**of, **complexity(detector, image_size)}
    figures |= _latency(detector.to(device), figures["input_size"], config)
    if output:
        write_json(output, figures)
    return figures


def _check(config: dict[str, Any], given: Collection[str]) -> None:
    for key, least in _LEAST.items():
        if not isinstance(config[key], int) or config[key] < least:
            raise ValueError(f"Expected {key} as a whole number of at least {least} but got {config[key]}.")
    doubled = [key for key in _FROM_CHECKPOINT if key in given]
    if config["checkpoint"] and doubled:
        raise ValueError(f"Expected no {', '.join(doubled)} with checkpoint=…, which brings its own; leave one out.")


def _output_file(output: str | None) -> Path | None:
    """The file to write, known to be writable before anything is measured."""
    from lightweight_ssd.system.output_folder import make_output_folder

    if output is None:
        return None
    path = Path(output)
    if path.is_dir():
        raise ValueError(f"Expected a file for output=… but {path} is a folder; give output={path / 'profile.json'}.")
    return make_output_folder(path.parent) / path.name


def _detector(config: dict[str, Any], given: Collection[str]) -> tuple["Detector", dict[str, Any], Any]:
    """The detector in evaluation mode, what it is in words, and the size of its input."""
    import torch

    from lightweight_ssd.checkpoint.load import load_detector
    from lightweight_ssd.config.instantiate import build

    if config["checkpoint"]:
        detector, trained, class_names = load_detector(config["checkpoint"])
        size = config["image_size"] if "image_size" in given else trained["image_size"]
        return detector, _words(trained, len(class_names), str(config["checkpoint"])), size
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # how much the post-processing has to do depends on the weights
        detector = build(config["detector"], num_classes=config["num_classes"])
    return detector.eval(), _words(config, config["num_classes"], None), config["image_size"]


def _words(config: dict[str, Any], num_classes: int, checkpoint: str | None) -> dict[str, Any]:
    parts = {part: config["detector"][part]["_target_"].rpartition(".")[2] for part in ("backbone", "neck")}
    return {**{f"{part}_class": name for part, name in parts.items()}, "classes": num_classes, "checkpoint": checkpoint}


def _latency(detector: "Detector", input_size: list[int], config: dict[str, Any]) -> dict[str, Any]:
    """The figures of `latency.latency`, its times under the names of this command's file."""
    from lightweight_ssd.profiling.latency import latency

    asked = {name: config[name] for name in ("threads", "warmup", "repeats")}
    measured = latency(detector, input_size, **asked)
    return {re.sub("^(predict_)?((p10_|p90_)?ms)$", r"\1latency_\2", name): value for name, value in measured.items()}


def table(figures: dict[str, Any], output: str | None = None) -> str:
    """What the terminal shows of the figures of `profile`."""
    height, width = figures["input_size"]
    what = f"{figures['checkpoint']}: " if figures["checkpoint"] else ""
    what += f"{figures['backbone_class']} + {figures['neck_class']}"
    total = {"total": {"parameters": figures["parameters"], "macs": figures["macs"]}}
    lines = [
        f"{what}, {figures['classes']} classes, input {width}×{height}, {figures['anchors']:,} anchors",
        "",
        f"{'':9}{'parameters':>12}{'multiply-adds':>27}",
        *(_row(name, part, figures) for name, part in {**figures["parts"], **total}.items()),
        "",
        f"{'ms':9}{'median':>12}{'10th to 90th percentile':>27}",
        _times("forward", "", figures),
        f"{_times('predict', 'predict_', figures)}  (forward and post-processing)",
        f"batch size 1, repeats: {figures['repeats']}, {_where(figures)}",
    ]
    return "\n".join([*lines, f"written to {output}"] if output else lines)


def _row(name: str, part: dict[str, int], figures: dict[str, Any]) -> str:
    shares = [f"{part[key] / max(figures[key], 1):8.1%}" for key in ("parameters", "macs")]
    return f"{name:9}{part['parameters']:12,}{shares[0]}{part['macs'] / 1e9:9.3f} G{shares[1]}"


def _times(name: str, prefix: str, figures: dict[str, Any]) -> str:
    median, low, high = (figures[f"{prefix}latency_{key}"] for key in ("ms", "p10_ms", "p90_ms"))
    return f"{name:9}{median:12.2f}{f'{low:.2f} to {high:.2f}':>27}"


def _where(figures: dict[str, Any]) -> str:
    threads = f"{figures['threads']} thread{'s' if figures['threads'] > 1 else ''}"
    return f"{figures['device']}, {threads}, PyTorch {figures['torch']}"
