"""How long one image takes in the rows of a table, in turns, beside what the paper prints."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

import torch
from msgspec import Meta

from lightweight_ssd.benchmark.record import Measurement, Record, Timing, interleaved
from lightweight_ssd.benchmark.settings import NotNegative, cpu_threads
from lightweight_ssd.checkpoint.load import build_detector
from lightweight_ssd.config.arguments import Count, checked
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.detector.inference import prepared_for_inference

__all__ = ["benchmark_rows"]

_PAPER = "paper, RTX 2080 Ti"
Rows = Annotated[Sequence[str], Meta(min_length=1, description="a list of one or more rows, such as table5/mobilenet")]


class _Timed(NamedTuple):
    """A row's detector, ready to run."""

    label: str
    size: str  # of its input
    printed: float | None  # milliseconds
    run: Callable[[], Any]


@checked
def benchmark_rows(
    rows: Rows, num_classes: Count = 20, rounds: Count = 20, warmup: NotNegative = 2, threads: Count = 1
) -> Record:
    """Times one image through each row's detector at the row's own input size, in turns, so that load slows all alike.

    From the image to the raw outputs, as `lssd predict` runs the network on a CPU in PyTorch; the proposals of a
    detector with two stages are part of it, score threshold and suppression of the detections are not. The weights are
    random.

    Args:
        rows: Options of the group `row`, such as `table5/yolov3`.
        num_classes: Classes.
        rounds: Timed images of each.
        warmup: Images of each before the clock counts.
        threads: CPU threads.

    Returns:
        Milliseconds of an image, beside those that the paper prints of its own GPU, where it does.

    Raises:
        ValueError: For a setting that cannot be met, or a row that does not exist.
    """
    with cpu_threads(threads):
        timed = [_prepared(row, num_classes) for row in rows]
        seconds = interleaved({each.label: each.run for each in timed}, rounds, warmup)
    lines = [_line(each, seconds[each.label]) for each in timed]
    setting = f"One image to the raw outputs, random weights, batch 1, {threads} thread(s), {rounds} rounds in turns."
    return Record("rows", setting, lines, [_spread(seconds), *_relative(timed, seconds)])


def _prepared(row: str, num_classes: int) -> _Timed:
    config = resolved(compose([f"row={row}"]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        detector = prepared_for_inference(build_detector(config, [str(label) for label in range(num_classes)]))
    size = config["image_size"]
    height, width = size if isinstance(size, list) else (size, size)
    image = torch.randint(256, (1, 3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))

    def run() -> Any:
        with torch.inference_mode():
            return detector(image)

    about = config["row"]
    return _Timed(about["label"] or row, f"{width}×{height}", (about["paper"] or {}).get("latency_ms"), run)


def _line(row: _Timed, timing: Timing) -> Measurement:
    return Measurement(
        f"{row.label}, {row.size}", timing.median * 1e3, "ms", _PAPER if row.printed else "", row.printed
    )


def _spread(seconds: dict[str, Timing]) -> str:
    said = [f"{label} {each.low * 1e3:.4g} to {each.high * 1e3:.4g} ms" for label, each in seconds.items()]
    return f"10th to 90th percentile: {'; '.join(said)}."


def _relative(rows: Sequence[_Timed], seconds: dict[str, Timing]) -> list[str]:
    """The times of a CPU and of a GPU as shares of one row's, which can be compared: the last one's."""
    unit = rows[-1]
    said = [
        f"{row.label} {seconds[row.label].median / seconds[unit.label].median:.2f}"
        + (f" (paper {row.printed / unit.printed:.2f})" if row.printed and unit.printed else "")
        for row in rows[:-1]
    ]
    return [f"As multiples of {unit.label}: {'; '.join(said)}."] if said else []
