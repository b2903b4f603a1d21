"""Latency of a detector: one image, on the device of its weights."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from lightweight_ssd.system.device import device_name, device_of

__all__ = ["latency"]


def latency(
    detector: nn.Module, input_size: Sequence[int], threads: int = 1, warmup: int = 3, repeats: int = 20
) -> dict[str, Any]:
    """Times one random image, forward alone and with the post-processing, in turns, so that load slows both alike.

    Args:
        detector: In evaluation mode; `detector(images)` and `detector.postprocess(raw, size)` are timed.
        input_size: (height, width), pixels.
        threads: CPU threads.
        warmup: Calls of each before the clock counts.
        repeats: Timed calls of each.

    Returns:
        `ms`, `p10_ms`, `p90_ms` (median, 10th and 90th percentile, milliseconds) of the raw outputs, the same with the
        prefix `predict_` for forward and post-processing, and device, threads and version of PyTorch.
    """
    device, (height, width) = device_of(detector), input_size
    image = torch.randint(256, (1, 3, *input_size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    image, before = image.to(device), torch.get_num_threads()
    calls = {
        "": lambda: detector(image),
        "predict_": lambda: detector.postprocess(detector(image), (height, width)),  # pyright: ignore[reportCallIssue]
    }
    times: dict[str, list[float]] = {what: [] for what in calls}
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            for _ in range(warmup + repeats):
                for what, call in calls.items():
                    times[what].append(_milliseconds(call, device))
    finally:
        torch.set_num_threads(before)
    spread = {what: _spread(values[warmup:]) for what, values in times.items()}
    named = {f"{what}{name}": value for what, values in spread.items() for name, value in values.items()}
    about = {"threads": threads, "device": device_name(device), "device_type": device.type}
    return {**named, **about, "batch_size": 1, "repeats": repeats, "torch": str(torch.__version__)}


def _milliseconds(call: Callable[[], Any], device: torch.device) -> float:
    start = time.perf_counter()
    call()
    if device.type == "cuda":  # the call returns before the GPU is done
        torch.cuda.synchronize(device)
    return (time.perf_counter() - start) * 1000


def _spread(values: list[float]) -> dict[str, float]:
    low, median, high = np.percentile(values, [10, 50, 90]).tolist()
    return {"ms": median, "p10_ms": low, "p90_ms": high}
