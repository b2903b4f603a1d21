"""The device that a command runs on, its name and its memory."""

import platform
from pathlib import Path

import torch
from torch import nn

from lightweight_ssd.system.memory import available_memory, total_memory

__all__ = ["choose_device", "device_name", "device_of", "free_memory", "memory_of"]


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


def device_of(module: nn.Module) -> torch.device:
    """Where the weights of a network are; the CPU if it has none.

    Example:
        >>> device_of(nn.Linear(1, 1))
        device(type='cpu')
    """
    return next((weight.device for weight in module.parameters()), torch.device("cpu"))


def free_memory(device: torch.device) -> int | None:
    """Bytes that this process can still take: of a GPU's own memory, else of the machine's or the container's.

    What PyTorch keeps of a GPU's memory for its next tensors is free, too.

    Returns:
        None where the operating system does not say.
    """
    if device.type != "cuda":
        return available_memory()
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused


def memory_of(device: torch.device) -> int | None:
    """Bytes in all, whatever is in use; None where the operating system does not say."""
    if device.type != "cuda":
        return total_memory()
    return torch.cuda.get_device_properties(device).total_memory


def _cpu_name() -> str:
    """The processor's name; Python itself does not know it on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), "") or platform.processor() or platform.machine()
