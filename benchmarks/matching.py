"""How long it takes to say which anchor learns which object, on one thread, on random objects.

    python benchmarks/matching.py                     # YOLOv3's anchors at 608 pixels, 8 images of 50 objects
    python benchmarks/matching.py --objects 10 --repeats 50

`CellMatcher` is YOLO's rule, `IoUMatcher` SSD's on the same anchors; `overlaps_any` finds the predictions that YOLO's
objectness ignores. They take turns. On a busy machine the time of the thread itself is what compares. Promise:
CellMatcher at most 10 ms.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lightweight_ssd.anchors.shapes import ShapeAnchors
from lightweight_ssd.matching.cell import CellMatcher
from lightweight_ssd.matching.iou import IoUMatcher
from lightweight_ssd.ops.overlaps import overlaps_any

SHAPES = [[[10, 13], [16, 30], [33, 23]], [[30, 61], [62, 45], [59, 119]], [[116, 90], [156, 198], [373, 326]]]


class Objects(NamedTuple):
    """Random boxes, xyxy in pixels, with labels."""

    boxes: Tensor
    labels: Tensor


def random_objects(images: int, count: int, side: int) -> Objects:
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(images, count, 2, generator=generator) * side * 0.7
    sides = side * 0.3 * (0.05 + 0.95 * torch.rand(images, count, 2, generator=generator))
    return Objects(torch.cat([corner, corner + sides], dim=-1), torch.randint(20, (images, count), generator=generator))


def in_turns(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds of each call, by the clock and of the thread; the first of each warms up and is left out."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            wall, thread = time.perf_counter(), time.thread_time()
            call()
            if turn:
                times[name].append((1000 * (time.perf_counter() - wall), 1000 * (time.thread_time() - thread)))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--objects", type=int, default=50, help="per image")
    parser.add_argument("--side", type=int, default=608, help="of the input, pixels; a multiple of 32")
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    sizes = [(options.side // stride,) * 2 for stride in (8, 16, 32)]
    anchors, cells = ShapeAnchors(SHAPES)(sizes, (options.side, options.side))
    boxes, labels = random_objects(options.images, options.objects, options.side)
    predicted, real = anchors.repeat(options.images, 1, 1), labels >= 0
    times = in_turns(
        {
            "CellMatcher": lambda: CellMatcher()(anchors, boxes, labels, cells),
            "IoUMatcher": lambda: IoUMatcher()(anchors, boxes, labels, cells),
            "overlaps_any": lambda: overlaps_any(predicted, boxes, real, 0.5),
        },
        options.repeats,
    )
    print(f"{len(anchors):,} anchors x {options.objects} objects x {options.images} images, torch {torch.__version__}")
    for name, each in times.items():
        wall, thread = zip(*each, strict=True)
        print(
            f"{name:12} median {statistics.median(wall):8.2f} ms, {min(wall):.2f} to {max(wall):.2f}; "
            f"of the thread {statistics.median(thread):8.2f} ms, {min(thread):.2f} to {max(thread):.2f}"
        )


if __name__ == "__main__":
    main()
