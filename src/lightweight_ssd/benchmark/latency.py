"""How long one image takes on the CPU, in every runtime, beside other detectors."""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from msgspec import Meta

from lightweight_ssd.benchmark.models import Model, our_model, peer_models
from lightweight_ssd.benchmark.peers import YOLO11N
from lightweight_ssd.benchmark.record import Measurement, Record, interleaved
from lightweight_ssd.benchmark.runtimes import RUNTIMES, Prepared, RuntimeName, prepare
from lightweight_ssd.benchmark.settings import NotNegative, cpu_threads
from lightweight_ssd.config.arguments import Count, checked
from lightweight_ssd.config.instantiate import build

__all__ = ["benchmark_latency"]

Runtimes = Annotated[
    Sequence[RuntimeName],
    Meta(min_length=1, description="a list of one or more of the runtimes that --help names"),
]
ImageSide = Annotated[int, Meta(ge=64)]


@checked
def benchmark_latency(
    detector: Any,
    num_classes: Count = 20,
    image_size: ImageSide = 320,
    forms: Runtimes = RUNTIMES,
    peers: bool = True,
    rounds: Count = 50,
    warmup: NotNegative = 5,
    threads: Count = 1,
) -> Record:
    """Times every model in every runtime, in turns, from the image to the raw outputs.

    Args:
        detector: Configuration of the detector, such as `compose(["neck=fpn"], "benchmark_latency").detector`.
        num_classes: Classes.
        image_size: Height and width of every network's input, pixels; the peers are made for 320.
        forms: PyTorch's eager mode, `torch.compile`, and formats of `lssd export`.
        peers: Also times torchvision's ssdlite320 and Ultralytics' YOLO11n.
        rounds: Timed images of each.
        warmup: Images of each before the clock counts.
        threads: CPU threads.

    Returns:
        Milliseconds of an image: ours beside each peer's in the same runtime, then beside our own in eager mode.

    Raises:
        ValueError: For a setting that cannot be met, or if no runtime is available.
    """
    notes: list[str] = []
    with cpu_threads(threads):
        models = _models(detector, num_classes, peers, notes)
        image = torch.rand(1, 3, image_size, image_size, generator=torch.Generator().manual_seed(0)) * 255
        asked = {(form, each.name): prepare(form, each, image, notes) for form in forms for each in models}
        prepared = {key: made for key, made in asked.items() if made}
        if not prepared:
            raise ValueError(f"Expected a runtime that is available here. {' '.join(notes)}")
        seconds = interleaved({key: made.run for key, made in prepared.items()}, rounds, warmup)
    milliseconds = {key: timing.median * 1000 for key, timing in seconds.items()}
    setting = f"One image of {image_size}×{image_size} to the raw outputs, {threads} thread(s), {rounds} rounds."
    notes = [*_remarks(models, prepared), *notes]
    return Record("latency", setting, _lines(milliseconds), notes, ("torchvision", "ultralytics", "onnxruntime"))


def _models(detector: Any, num_classes: int, peers: bool, notes: list[str]) -> list[Model]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ours = our_model(build(detector, num_classes=num_classes))
        return [ours, *(peer_models(num_classes, notes) if peers else [])]


def _lines(milliseconds: dict[tuple[str, str], float]) -> list[Measurement]:
    """Ours beside each peer's in the same runtime, then beside our own in eager mode."""
    ours = next(iter(milliseconds))[1]
    runtimes = list(dict.fromkeys(runtime for runtime, _ in milliseconds))
    lines = [
        Measurement(f"{ours}, {runtime}", milliseconds[runtime, ours], "ms", name, theirs)
        for (runtime, name), theirs in milliseconds.items()
        if name != ours
    ]
    eager = milliseconds.get(("eager", ours))
    lines += [
        Measurement(f"{ours}, {runtime}", milliseconds[runtime, ours], "ms", "eager", eager)
        for runtime in runtimes
        if eager is not None and runtime != "eager"
    ]
    return lines or [Measurement(f"{ours}, {runtime}", milliseconds[runtime, ours], "ms") for runtime in runtimes]


def _remarks(models: list[Model], prepared: dict[tuple[str, str], Prepared]) -> list[str]:
    """Sizes, and what the runtimes cost before the first image."""
    sizes = ", ".join(f"{each.name} {each.parameters / 1e6:.2f} M" for each in models)
    waits = [
        f"{name} {runtime} {made.seconds_to_prepare:.0f} s"
        for (runtime, name), made in prepared.items()
        if runtime != "eager"
    ]
    files = [runtime for runtime, name in prepared if name == YOLO11N and runtime not in ("eager", "compiled")]
    decoded = (
        [f"The files of {YOLO11N} also decode the boxes, and leave the division by 255 to others."] if files else []
    )
    return [f"Parameters: {sizes}.", *decoded] + (
        [f"To compile or export, and the first image: {', '.join(waits)}."] if waits else []
    )
