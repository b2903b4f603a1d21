"""What the settings of `lssd train` may be that belong to no part, as a signature of its whole configuration."""

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from lightweight_ssd.config.arguments import Count, Natural

__all__ = ["TrainSettings"]


class TrainSettings(Struct):
    """The keys of `conf/train.yaml` that are neither a config group nor the node of a part."""

    image_size: Annotated[
        Count | Annotated[list[Count], Meta(min_length=2, max_length=2)],
        Meta(description="a number of pixels, or [height, width]"),
    ]
    batch_size: Count | Literal["auto"] | None
    reference_batch: Count
    lr_factors: dict[str, Annotated[float, Meta(ge=0)]] | None
    eval_batch_size: Count
    num_workers: Natural | None
    seed: Annotated[int, Meta(ge=0, le=4294967295)]
    anchors: Literal["auto"] | None
    deterministic: bool | Literal["warn"]
    compile: bool
    channels_last: bool | None
    init_from: Path | None
    resume: Path
    rerun: Literal["all"] | None
    objective: str
    runs: Path
    run_dir: Path | None
    content: list[str]
    experiment_name: str | int | float | None
    pictures: Natural
    row: dict[str, Any]
    default_epochs: dict[str, Count]
    coco_metric: bool | dict[str, Any] | None
    gray_test: bool
    latency: dict[str, Natural] | None
