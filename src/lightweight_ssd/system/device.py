"""The device that a command runs on, and its name."""

import platform
from pathlib import Path

import torch

__all__ = ["choose_device", "device_name"]


def choose_device(name: str) -> torch.device:
    """Chooses the device by its name in a configuration.

    Args:
        name: `auto` (the GPU where there is one, else the CPU), `cpu`, `cuda` or `cuda:N`.

    Raises:
        ValueError: For another name, or for a GPU that does not exist.

    Example:
        >>> choose_device("cpu")
        device(type='cpu')
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise ValueError(f"Expected device=auto, cpu, cuda or cuda:N but got {name}.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise ValueError(f"Expected a GPU for device={name} but PyTorch sees {count}; give device=auto or device=cpu.")
    return device


def device_name(device: torch.device) -> str:
    """The vendor's name of the device, such as `NVIDIA H100 80GB HBM3`."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()


def _cpu_name() -> str:
    """The processor's name; Python itself does not know it on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), "") or platform.processor() or platform.machine()
