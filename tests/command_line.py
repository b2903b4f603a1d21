"""Calls the command line inside the test process, and writes checkpoints of a detector small enough for it."""

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from lightweight_ssd.checkpoint.load import build_detector
from lightweight_ssd.cli import main
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.detector.ssd import Detector

TINY = (
    "backbone.stem=[{channels: 8, stride: 2}, {channels: 8, stride: 2}]",
    "backbone.rows=[{block: bottleneck, expansion: 1, channels: 8, repeats: 1, stride: 2, level: true},"
    "{block: bottleneck, expansion: 1, channels: 8, repeats: 1, stride: 2}]",
    "backbone.last_channels=8",
    "backbone.extra_channels=[8]",
    "neck.width=8",
)


class Outcome(NamedTuple):
    """How a command ended and what it wrote."""

    code: int | str | None
    out: str
    err: str


def run_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> Outcome:
    """`lssd` with these arguments; the exit code is None where the command simply returned."""
    monkeypatch.setattr(sys, "argv", ["lssd", *arguments])
    GlobalHydra.instance().clear()
    handlers, level, code = logging.root.handlers[:], logging.root.level, None
    try:
        main()
    except SystemExit as end:
        code = end.code
    finally:
        logging.root.handlers = handlers  # Hydra's would write to this test's captured output ever after
        logging.root.setLevel(level)
        GlobalHydra.instance().clear()
    written = capsys.readouterr()
    return Outcome(code, written.out, written.err)


@contextmanager
def ending(process: "subprocess.Popen[Any]") -> Iterator[None]:
    """Ends a process with the block, else a test that fails in it would wait for ever for the process to end."""
    try:
        yield
    finally:
        process.kill()


def port_of_our_own() -> int:
    """A free port below those that the system hands out to whoever asks for any, another one for each process."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in range(first - 1 - os.getpid() % (first // 2), 1024, -1):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("every port is taken")


def tiny_config(image_size: int | list[int] = 64, *overrides: str, blocks: tuple[str, ...] = TINY) -> dict[str, Any]:
    """The configuration of `lssd profile` with a tiny detector, plain containers."""
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config = compose("profile", [*blocks, f"image_size={image_size}", "warmup=0", "repeats=2", *overrides])
    return OmegaConf.to_container(config, resolve=True)  # pyright: ignore[reportReturnType]


def tiny_checkpoint(path: Path, image_size: int | list[int] = 64) -> tuple[Detector, list[str]]:
    """Writes a checkpoint as training does; returns its detector, with random weights, and the class names."""
    class_names, config = ["circle", "square"], tiny_config(image_size)
    torch.manual_seed(0)
    detector = build_detector(config, class_names).eval()
    weights = {f"detector.{name}": value for name, value in detector.state_dict().items()}
    torch.save({"hyper_parameters": {"config": config, "class_names": class_names}, "state_dict": weights}, path)
    return detector, class_names
