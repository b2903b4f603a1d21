"""The results of a run: one typed record that training writes and that reports, sweeps and commands read.

`results.json` is this record. What was not measured or not asked for is left out of the file; a number that could not
be computed, such as the AP of a class without objects, is null. Shares run from 0 to 1. `runs/results_file` reads and
writes it, `runs/result_metrics` finds a metric in it, and `docs/results_schema.json` is its JSON schema.
"""

from typing import Any

from msgspec import Struct

__all__ = [
    "COCOClassMetrics",
    "COCOMetrics",
    "ClassMetrics",
    "DataUsed",
    "Latency",
    "PartCost",
    "RunResults",
    "SplitMetrics",
    "TrainingSummary",
]

Name = str | int | float  # YAML makes a number of an experiment that is called 2007


class ClassMetrics(Struct):
    """Metrics of one class by VOC's rules; null without countable objects.

    Attributes:
        ap_50: Area under the interpolated precision-recall curve at IoU 0.5 (VOC 2010 and later).
        ap_50_11point: The eleven-point average at IoU 0.5 (VOC 2007).
        ap_50_95: Area, mean over IoU 0.5, 0.55 … 0.95.
        objects: Objects, difficult ones not counted.
    """

    ap_50: float | None = None
    ap_50_11point: float | None = None
    ap_50_95: float | None = None
    objects: int | None = None


class COCOClassMetrics(Struct):
    """Metrics of one class by COCO's rules: AP over IoU 0.5 to 0.95, and at 0.5; null without countable objects."""

    ap: float | None = None
    ap_50: float | None = None


class COCOMetrics(Struct):
    """COCO's twelve metrics, and AP per class; null where there is no object of that kind.

    pycocotools gives the same numbers for the run's `ground_truth.json` and `detections.json`.
    """

    ap: float | None = None
    ap_50: float | None = None
    ap_75: float | None = None
    ap_small: float | None = None
    ap_medium: float | None = None
    ap_large: float | None = None
    ar_1: float | None = None
    ar_10: float | None = None
    ar_100: float | None = None
    ar_small: float | None = None
    ar_medium: float | None = None
    ar_large: float | None = None
    per_class: dict[str, COCOClassMetrics] | None = None


class SplitMetrics(Struct, omit_defaults=True):
    """What was measured on one split.

    Attributes:
        map_50: Mean over classes of `ap_50`, the metric that rows are compared by.
        map_50_11point: Mean over classes of `ap_50_11point`.
        map_50_95: Mean over classes of `ap_50_95`.
        coco: By COCO's rules, where `coco_metric` was on.
        per_class: By name of the class.
    """

    map_50: float | None = None
    map_50_11point: float | None = None
    map_50_95: float | None = None
    coco: COCOMetrics | None = None
    per_class: dict[str, ClassMetrics] | None = None


class PartCost(Struct):
    """Weights of a part of the detector, and its multiply-accumulate operations for one image."""

    parameters: int | None = None
    macs: int | None = None


class Latency(Struct):
    """Time for one image in milliseconds: median, 10th and 90th percentile; `predict_…` with the post-processing."""

    ms: float | None = None
    p10_ms: float | None = None
    p90_ms: float | None = None
    predict_ms: float | None = None
    predict_p10_ms: float | None = None
    predict_p90_ms: float | None = None
    threads: int | None = None
    device: str | None = None
    device_type: str | None = None
    batch_size: int | None = None
    repeats: int | None = None
    torch: str | None = None


class TrainingSummary(Struct):
    """How the training went.

    Attributes:
        steps: Steps of the optimizer.
        epochs: Epochs.
        seconds: Wall time over all parts of a resumed run.
        resumed_at_step: Where the last part began, if it was resumed.
        images_per_second: Of the last part.
        total_batch: Images of one step over all ranks.
        learning_rate: The base rate after scaling with the batch.
        world_size: Ranks.
        last_validation: Metrics of the last validation by their name in `metrics.csv`.
        best_validation: Those by which the best checkpoints were chosen, without `val/`.
    """

    steps: int | None = None
    epochs: int | None = None
    seconds: float | None = None
    resumed_at_step: int | None = None
    images_per_second: float | None = None
    total_batch: int | None = None
    learning_rate: float | None = None
    world_size: int | None = None
    last_validation: dict[str, float | None] | None = None
    best_validation: dict[str, float | None] | None = None


class DataUsed(Struct, omit_defaults=True):
    """The data that was computed on.

    Attributes:
        root: Absolute path.
        digests: By split a hash of what is annotated.
        train_objects: By class the objects that training learned from; an evaluation has none.
    """

    root: str | None = None
    digests: dict[str, str | None] | None = None
    train_objects: dict[str, int] | None = None


class RunResults(Struct, omit_defaults=True):
    """All results of a run, or of one evaluation of a checkpoint or an exported file.

    Attributes:
        test: Metrics of the test split.
        val: Metrics of the validation split, where `lssd evaluate split=val` measured it.
        test_gray: Metrics of the gray version of the test images, where `gray_test` was on.
        parameters: Weights of the detector.
        macs: Multiply-accumulate operations for one image.
        parts: Both by part: backbone, neck, head.
        anchors: Anchors of one image.
        input_size: Height and width of the network's input, pixels.
        latency: Where `latency` was on.
        postprocess: Settings of the post-processing; the metrics depend on them.
        precision: Arithmetic in which the split was measured, such as `32-true` or `bf16-mixed`; of an exported file
            `fp32`, `fp16` or `int8`.
        chosen_on_test: Whether the checkpoint was chosen by its metrics on some of the images that were measured: those
            of the test, or of `val` where that split was; only of a best checkpoint.
        data: What was computed on.
        seed: Of the run.
        experiment: Its name.
        content: Hash of what the run computes.
        row: The same without the seed.
        label: Name of its row in a table.
        paper: Results that the paper prints for the row.
        note: What the paper's numbers are, where they need it.
        baseline: Whether other rows are compared with it.
        scale: Its budget.
        choices: Option of each config group.
        overrides: As they were typed.
        started: ISO 8601, UTC.
        checkpoint: File whose weights were measured; with `model`, the one that the file was compared with, if any.
        model: Exported file that was measured in place of the checkpoint's network.
        training: How the training went; an evaluation has none.
        environment: Commit, machine and versions when the run began.
    """

    test: SplitMetrics | None = None
    val: SplitMetrics | None = None
    test_gray: SplitMetrics | None = None
    parameters: int | None = None
    macs: int | None = None
    parts: dict[str, PartCost] | None = None
    anchors: int | None = None
    input_size: list[int] | None = None
    latency: Latency | None = None
    postprocess: dict[str, Any] | None = None
    precision: str | None = None
    chosen_on_test: bool | None = None
    seed: int | None = None
    experiment: Name | None = None
    data: DataUsed | None = None
    content: str | None = None
    row: str | None = None
    label: Name | None = None
    paper: dict[str, Any] | None = None
    note: str | None = None
    baseline: bool | None = None
    scale: Name | None = None
    choices: dict[str, Any] | None = None
    overrides: list[Any] | None = None
    started: str | None = None
    checkpoint: str | None = None
    model: str | None = None
    training: TrainingSummary | None = None
    environment: dict[str, Any] | None = None
