"""Writes the run folders of a small table as training leaves them: synthetic, but every file agrees with the others.

Detections are drawn from the ground truth with a quality of the row's own, and the figures of `results.json` are what
the metric makes of these detections, so that a reader can compute them again. A whole table takes about a second.
"""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from PIL import Image, ImageDraw

from lightweight_ssd.metrics.average_precision import PackedDetections, PackedObjects, voc_average_precision
from lightweight_ssd.system.json_file import write_json

CLASSES = ("circle", "square", "triangle")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
STEPS = 40


class PlannedRow(NamedTuple):
    """One row of a synthetic table; quality is the share of objects that are found, 0 to 1."""

    label: str | None
    quality: float
    overrides: tuple[str, ...] = ()
    neck: str = "cfpn"
    parameters: int = 4_862_678
    macs: int = 1_550_000_000
    paper: dict[str, float] | None = None
    baseline: bool = False


class Scene(NamedTuple):
    """The test set of a table."""

    images: list[dict[str, Any]]  # entries of the instances file
    objects: PackedObjects
    classes: tuple[str, ...]


TABLE = (
    PlannedRow("SSD", 0.45, ("neck=none",), "none", 4_159_382, 1_200_000_000, {"map_50": 0.705, "parameters": 4.16e6}),
    PlannedRow(
        "FPN", 0.7, ("neck=fpn",), "fpn", 4_564_694, 1_320_000_000, {"map_50": 0.729, "parameters": 4.6e6}, True
    ),
    PlannedRow("CFPN", 0.72, ("neck=cfpn",), "cfpn", paper={"map_50": 0.74, "parameters": 4.86e6}),
)


def write_table(
    root: Path,
    rows: tuple[PlannedRow, ...] = TABLE,
    seeds: tuple[int, ...] = (0, 1),
    num_images: int = 16,
    classes: tuple[str, ...] = CLASSES,
    experiment: str = "necks",
) -> list[Path]:
    """Writes a finished run for each row and seed below `root / experiment`, images into `root / "images"`.

    Returns:
        The run folders, seeds running fastest; the hours of their `started` rise in this order.
    """
    scene = draw_scene(root / "images", num_images, classes)
    jobs = [(row, seed) for row in rows for seed in seeds]
    return [
        write_run_folder(root / experiment / f"{place:02d}-seed{seed}", row, seed, scene, experiment, place)
        for place, (row, seed) in enumerate(jobs)
    ]


def draw_scene(folder: Path, num_images: int = 16, classes: tuple[str, ...] = CLASSES, seed: int = 0) -> Scene:
    """Draws JPEGs of 96×72 with one to four boxes each, a tenth of them difficult."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    images, index, labels, boxes = [], [], [], []
    for place in range(num_images):
        picture = Image.new("RGB", (96, 72), tuple(generator.integers(120, 255, 3).tolist()))
        for _ in range(int(generator.integers(1, 5))):
            label, side = int(generator.integers(len(classes))), generator.uniform(10, 44)
            x, y = generator.uniform(0, 95 - side), generator.uniform(0, 71 - side)
            box = np.round([x, y, x + side, y + side], 1)
            ImageDraw.Draw(picture).rectangle(box.tolist(), fill=(40 * label, 90, 200 - 40 * label))
            index, labels, boxes = [*index, place], [*labels, label], [*boxes, box]
        path = folder / f"image_{place:03d}.jpg"
        picture.save(path, quality=85)
        images.append({"id": place + 1, "file_name": path.name, "width": 96, "height": 72, "path": str(path)})
    difficult = np.arange(len(labels)) % 10 == 9
    return Scene(images, PackedObjects(np.array(index), np.array(labels), np.array(boxes), difficult), classes)


def write_run_folder(
    folder: Path,
    row: PlannedRow,
    seed: int,
    scene: Scene,
    experiment: str = "necks",
    hour: int = 0,
    state: str = "finished",
    error: str | None = None,
    commit: str = COMMIT,
    config: dict[str, Any] | None = None,
) -> Path:
    """Writes one run; unless it finished, without detections and results.

    Args:
        folder: The run's folder; made.
        row: What was trained.
        seed: Seed of the run.
        scene: Its test set.
        experiment: Name of the experiment.
        hour: Hour of the day at which it started, 0 to 23 (counted on through days above).
        state: running, finished, interrupted or failed.
        error: Why it failed.
        commit: Commit that it ran with.
        config: Entries that replace those of the configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = {**_config(folder, row, seed, experiment), **(config or {})}
    identity = _identity(row, seed, experiment, hour, settings)
    environment = {
        "commit": commit, "uncommitted_changes": False, "python": "3.11.7", "machine": "Linux x86_64, 2 cores",
        "versions": {"lightweight-ssd": "0.1.0", "torch": "2.11.0"},
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    (folder / "overrides.yaml").write_text(yaml.safe_dump(identity["overrides"]))
    (folder / "train.log").write_text(f"training {row.label}\n{error or 'done'}\n")
    write_json(folder / "identity.json", identity)
    write_json(folder / "environment.json", environment)
    finished = state == "finished"
    _write_curves(folder, row, seed, STEPS if finished else STEPS // 2)
    if finished:
        _write_figures(folder, row, seed, scene, settings, identity, environment)
    write_json(folder / "status.json", _status(state, error))
    return folder


def _identity(row: PlannedRow, seed: int, experiment: str, hour: int, settings: dict[str, Any]) -> dict[str, Any]:
    content = {key: value for key, value in settings.items() if key not in ("run_dir", "callbacks")}
    scale = f"scale={settings['scale']}"
    return {
        "content": _digest(content),
        "row": _digest({key: value for key, value in content.items() if key != "seed"}),
        "label": row.label,
        "experiment": experiment,
        "scale": settings["scale"],
        "seed": seed,
        "choices": {"backbone": "mblitenet", "neck": row.neck, "loss": "bll", "augment": "basic"},
        "overrides": [f"experiment={experiment}", scale, *row.overrides, f"seed={seed}"],
        "paper": row.paper,
        "baseline": row.baseline,
        "started": f"2026-01-{1 + hour // 24:02d}T{hour % 24:02d}:00:00+00:00",
    }


def _config(folder: Path, row: PlannedRow, seed: int, experiment: str) -> dict[str, Any]:
    neck = {"_target_": f"lightweight_ssd.neck.{row.neck}.{row.neck.upper()}", "width": 192}
    return {
        "backbone": {"_target_": "lightweight_ssd.backbone.mblitenet.MBlitenet", "mix_kernels": [3, 5]},
        "neck": neck,
        "detector": {"_target_": "lightweight_ssd.detector.ssd.Detector", "neck": neck, "postprocess": _POSTPROCESS},
        "data": {"_target_": "lightweight_ssd.data.shapes.Shapes", "root": "data", "seed": 0},
        "trainer": {"_target_": "lightning.pytorch.Trainer", "devices": 1, "max_epochs": 4},
        "image_size": 64,
        "seed": seed,
        "scale": "smoke",
        "row": {"overrides": list(row.overrides), "label": row.label},
        "run_dir": str(folder),
        "experiment_name": experiment,
        "callbacks": {"interrupt": {"path": str(folder / "checkpoints" / "last.ckpt")}},
    }


_POSTPROCESS = {"score_threshold": 0.01, "iou_threshold": 0.6, "max_detections": 100, "max_candidates": 1000}


def _status(state: str, error: str | None) -> dict[str, Any]:
    step = STEPS if state == "finished" else STEPS // 2
    left = {"finished": 0, "running": 90}.get(state)
    return {
        "state": state, "epoch": 3, "step": step, "total_steps": STEPS, "seconds_left": left, "map_50": 0.5,
        "error": error, "updated": "2026-01-01T12:00:00+00:00", "pid": 1, "host": "machine",
    }  # fmt: skip


def _write_curves(folder: Path, row: PlannedRow, seed: int, steps: int) -> None:
    generator = np.random.default_rng(seed)
    names = ["step", "epoch", "lr", "train/loss", "val/loss", "val/map_50", "val/map_50_95"]
    lines, times = [], []
    for step in range(0, steps, 2):
        loss, share = 2.0 / (1 + 0.1 * step) + 0.05 * generator.random(), row.quality * (step + 1) / STEPS
        validated = step % 10 == 8
        val = [loss * 1.1, share + 0.02 * generator.random(), share / 2] if validated else [""] * 3
        lines.append([step, step / 10, 0.01, loss, *val])
        times.append([step, (step + 1) / 100])
    for name, header, content in (("metrics.csv", names, lines), ("times.csv", ["step", "hours"], times)):
        with (folder / name).open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *content])


def _write_figures(
    folder: Path,
    row: PlannedRow,
    seed: int,
    scene: Scene,
    settings: dict[str, Any],
    identity: dict[str, Any],
    environment: dict[str, Any],
) -> None:
    colour = _write_detections(folder / "detections.json", scene, row.quality, seed)
    gray = _write_detections(folder / "detections_gray.json", scene, 0.8 * row.quality, seed)
    write_json(folder / "ground_truth.json", _instances(scene))
    latency = {"ms": 12.5 + seed, "p10_ms": 12.0, "p90_ms": 14.0, "predict_ms": 15.0, "predict_p10_ms": 14.0}
    latency |= {"predict_p90_ms": 17.0, "device": "a CPU", "device_type": "cpu", "threads": 1, "batch_size": 1}
    training = {"steps": STEPS, "epochs": 4, "seconds": 1440.0 + 36 * seed, "images_per_second": 40.0, "world_size": 1}
    results = {
        "test": colour, "test_gray": gray, "parameters": row.parameters, "macs": row.macs, "anchors": 324,
        "input_size": [64, 64], "postprocess": settings["detector"]["postprocess"], **identity,
        "checkpoint": str(folder / "checkpoints" / "best.ckpt"), "training": training,
        "latency": {**latency, "repeats": 20}, "environment": environment,
    }  # fmt: skip
    write_json(folder / "results.json", results)


def _write_detections(path: Path, scene: Scene, quality: float, seed: int) -> dict[str, Any]:
    """Draws detections and writes them; returns what the metric makes of the file."""
    found = _detect(scene, quality, seed)
    entries = [
        {
            "image_id": scene.images[image]["id"], "category_id": label + 1, "score": score,
            "bbox": [round(value, 3) for value in (box[0], box[1], box[2] - box[0], box[3] - box[1])],
        }
        for image, label, score, box in zip(*(column.tolist() for column in found), strict=True)
    ]  # fmt: skip
    write_json(path, entries)
    measured = voc_average_precision(found, scene.objects, len(scene.classes))
    per_class = {
        name: {"ap_50": area[0], "ap_50_11point": eleven, "ap_50_95": float(np.mean(area)), "objects": int(objects)}
        for name, area, eleven, objects in zip(
            scene.classes, measured.area.T.tolist(), measured.eleven_point[0].tolist(), measured.objects, strict=True
        )
    }
    keys = {"map_50": "ap_50", "map_50_11point": "ap_50_11point", "map_50_95": "ap_50_95"}
    means = {name: float(np.nanmean([each[key] for each in per_class.values()])) for name, key in keys.items()}
    return {**means, "per_class": per_class}


def _detect(scene: Scene, quality: float, seed: int) -> PackedDetections:
    """A share of the objects, moved a little and sometimes given a wrong class, and one false box per image."""
    truth, generator = scene.objects, np.random.default_rng(1000 + seed)
    chance, wrong = generator.random(len(truth.labels)), generator.random(len(truth.labels)) < 0.1
    kept = chance < quality
    moved = truth.boxes + generator.normal(0, 1.5 - quality, truth.boxes.shape)
    labels = np.where(wrong, (truth.labels + 1) % len(scene.classes), truth.labels)
    false = len(scene.images)
    x, y = generator.uniform(0, 60, false), generator.uniform(0, 40, false)
    boxes = np.concatenate([moved[kept], np.stack([x, y, x + 20, y + 20], 1)]).round(2)
    index = np.concatenate([truth.image_index[kept], np.arange(false)])
    labels = np.concatenate([labels[kept], generator.integers(0, len(scene.classes), false)])
    scores = np.concatenate([generator.uniform(0.4, 0.99, kept.sum()), generator.uniform(0.05, 0.7, false)]).round(6)
    order = np.lexsort((-scores, index))
    return PackedDetections(index[order], labels[order], scores[order], boxes[order])


def _instances(scene: Scene) -> dict[str, Any]:
    columns = zip(*(column.tolist() for column in scene.objects), strict=True)
    annotations = [
        {
            "id": place + 1, "image_id": scene.images[image]["id"], "category_id": label + 1,
            "bbox": [round(value, 3) for value in (box[0], box[1], box[2] - box[0], box[3] - box[1])],
            "area": round((box[2] - box[0]) * (box[3] - box[1]), 3), "iscrowd": 0,
            "ignore": int(difficult), "difficult": int(difficult),
        }
        for place, (image, label, box, difficult) in enumerate(columns)
    ]  # fmt: skip
    categories = [{"id": label + 1, "name": name} for label, name in enumerate(scene.classes)]
    return {"images": scene.images, "annotations": annotations, "categories": categories}


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
