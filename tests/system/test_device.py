"""The memory of a device: a GPU's own, asked of a GPU that is not there, else the machine's."""

from types import SimpleNamespace

import pytest
import torch

from lightweight_ssd.system import device
from lightweight_ssd.system.device import free_memory, memory_of


def test_of_a_gpu_what_pytorch_keeps_unused_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda of: (asked.append(of), (5_000, 24_000))[1])
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda of: 700)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda of: 200)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda of: SimpleNamespace(total_memory=24_000))
    gpu = torch.device("cuda", 1)
    assert free_memory(gpu) == 5_500 and asked == [gpu]
    assert memory_of(gpu) == 24_000


def test_of_the_cpu_it_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "available_memory", lambda: 8_000)
    monkeypatch.setattr(device, "total_memory", lambda: 9_000)
    assert (free_memory(torch.device("cpu")), memory_of(torch.device("cpu"))) == (8_000, 9_000)
