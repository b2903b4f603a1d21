"""A payload as the report writes it: the five rows of Table 4 on three seeds, one run failed and one still going on."""

import base64
import io
import math
import random
from typing import Any

from PIL import Image, ImageDraw

EVIL = "<script>alert(1)</script>"
# fmt: off
CLASSES = [
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
]
# fmt: on
_ROWS = {
    "r0": ("MBlitenet + CFPN", "ciou", "basic", 0.740, 0.702),
    "r1": ("+ BLL", "bll", "basic", 0.741, 0.708),
    "r2": ("+ GrayMixRGB", "ciou", "gray_mix_rgb", 0.742, 0.689),
    "r3": ("+ Mosaic", "ciou", "mosaic", 0.727, 0.671),
    "r4": ("+ BLL + GrayMixRGB", "bll", "gray_mix_rgb", 0.744, 0.721),
}
_ERRORS = ("classification", "localization", "both", "duplicate", "background", "missed")
_STATES = {("r3", 2): "failed", ("r4", 2): "running"}
_DEVICE = "NVIDIA GeForce RTX 2080 Ti, 8 threads"
_PAPER = [
    ("SSD300", 0.772, 26.3e6, None),
    ("SSD300 MobileNet", 0.68, 6.8e6, 23.0),
    ("MobileNet v2", 0.694, 6.2e6, 23.5),
    ("Tiny-DSOD", 0.721, 0.95e6, None),
    ("Pelee", 0.709, 5.43e6, None),
    ("DSOD300-smallest", 0.736, 5.9e6, None),
    ("YOLOv3", 0.793, 61.6e6, 46.0),
    ("Lightweight SSD", 0.744, 4.86e6, 23.7),
]


def example_payload(evil: bool = False) -> dict[str, Any]:
    """The payload; `evil` puts markup into every place where a name, a path or a value of a config may stand."""
    draw = random.Random(3)
    classes = list(CLASSES)
    if evil:
        classes[3], classes[7] = "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)> " + 12 * "long "
    payload = {
        "title": f"table4 {EVIL}" if evil else "table4, scale=short",
        "generated": "2025-11-22T18:10:00+00:00",
        "commit": "e7fe0ad5c1b24f0f9b3c6f0f",
        "baseline": "r0",
        "watch": False,
        "notes": [
            "Commits differ. e7fe0ad5c1: MBlitenet + CFPN, + BLL; 51385e6aa0: + GrayMixRGB, + Mosaic.",
            "The best checkpoints of two rows are from different epochs.",
        ],
        "rows": [_row(row, draw) for row in _ROWS],
        "started": [],
        "left_out": [_left_out(evil)],
        "left_out_line": "Not in the table: 1 run in progress, 1 failed.",
        "states": {"finished": 13, "running": 1, "failed": 1},
        "paper_gpu": "RTX 2080 Ti",
        "runs": [_run(row, seed, classes, draw) for row in _ROWS for seed in range(3)],
        "classes": classes,
        "configs": {row: _config(row) for row in _ROWS},
        "images": [_image(number, draw) for number in range(8)],
        "paper_points": [
            {"name": name, "map_50": map_50, "parameters": parameters, "latency_ms": speed}
            for name, map_50, parameters, speed in _PAPER
        ],
    }
    if evil:
        payload["rows"][3]["label"] = f"+ Mosaic {EVIL} <b>%{{x}}</b>"
        payload["runs"][9]["folder"] = f"runs/{EVIL}/</script>"
        payload["runs"][11]["error"] = payload["left_out"][0]["reason"]
        payload["runs"][14] |= {"label": f"+ BLL {EVIL}", "host": EVIL}
        payload["configs"]["r3"]["data.root"] = f"/data/{EVIL}"
        payload["images"][0]["file"] = f"<img src=x onerror=alert(1)>{EVIL}.jpg"
        payload["notes"].append(f"A note with <!-- {EVIL} \u2028 in it.")
    return payload


def _left_out(evil: bool) -> dict[str, Any]:
    reason = "OutOfMemoryError: CUDA out of memory, 2.1 GiB wanted"
    if evil:
        reason = f"ValueError: {EVIL} and a message that goes on for long " + 8 * "and on "
    place = f"runs/table4/{EVIL}" if evil else "runs/table4/a"
    return {"name": "table4: + Mosaic (seed 2)", "kind": "failed", "reason": reason, "place": place, "log": None}


def _row(row: str, draw: random.Random) -> dict[str, Any]:
    label, _, _, map_50, gray = _ROWS[row]
    finished = sum((row, seed) not in _STATES for seed in range(3))
    move, reach = map_50 - 0.740, 0.0025 if row in ("r3", "r4") else 0.006
    gray_move = gray - 0.702
    means = {"map_50": map_50, "map_50_11point": map_50 - 0.021, "map_50_95": map_50 - 0.29, "gray_map_50": gray}
    means["coco_ap"] = map_50 - 0.31
    metrics: dict[str, Any] = {
        name: {"mean": mean, "std": draw.uniform(0.001, 0.005), "n": finished} for name, mean in means.items()
    }
    costs = {"latency_ms": draw.uniform(21, 24), "training_hours": draw.uniform(1.1, 1.6)}
    metrics |= {name: {"mean": mean, "std": 0.02 * mean, "n": finished} for name, mean in costs.items()}
    metrics |= {"parameters": {"mean": 4862678, "std": 0, "n": 3}, "macs": {"mean": 1.55e9, "std": 0, "n": 3}}
    return {
        "id": row,
        "label": label,
        "experiment": "table4",
        "scale": "short",
        "baseline": row == "r0",
        "compared_with": None if row == "r0" else _ROWS["r0"][0],
        "runs": [f"{row}s{seed}" for seed in range(3)],
        "planned": 3,
        "finished": finished,
        "state": next((state for (name, _), state in _STATES.items() if name == row), "finished"),
        "metrics": metrics,
        "latency": {"ms": 22.4, "low": 21.5, "high": 25.2, "device": _DEVICE, "runs": 13, "busy": False},
        "comparable_with_paper": True,
        "chosen_on_test": False,
        "interval": {"mean": map_50, "low": map_50 - 0.008, "high": map_50 + 0.007},
        "difference": None if row == "r0" else _interval(move, reach),
        "gray_difference": None if row == "r0" else _interval(gray_move, 0.007),
        "paper": {"map_50": map_50, "map_coco": 0.223, "parameters": 4860000},
        "errors": {name: draw.uniform(0.005, 0.08) for name in _ERRORS},
        "sizes": {"small": map_50 - 0.45, "medium": map_50 - 0.15, "large": map_50 + 0.08},
    }


def _interval(mean: float, reach: float) -> dict[str, Any]:
    low, high = mean - reach, mean + reach
    return {"mean": mean, "low": low, "high": high, "shown": low > 0 or high < 0}


def _run(row: str, seed: int, classes: list[str], draw: random.Random) -> dict[str, Any]:
    state = _STATES.get((row, seed), "finished")
    reached = {"finished": 6000, "running": 3600, "failed": 900}[state]
    done = state == "finished"
    map_50 = _ROWS[row][3] + draw.gauss(0, 0.004)
    return {
        "id": f"{row}s{seed}",
        "row": row,
        "label": _ROWS[row][0],
        "experiment": "table4",
        "scale": "short",
        "seed": seed,
        "state": state,
        "folder": f"runs/table4/loss={_ROWS[row][1]},augment={_ROWS[row][2]},seed={seed}-{draw.randrange(16**8):08x}",
        "commit": "e7fe0ad5c1b24f0f9b3c6f0f",
        "host": "node-07",
        "error": "OutOfMemoryError: CUDA out of memory, 2.1 GiB wanted" if state == "failed" else None,
        "step": reached,
        "total_steps": 6000,
        "seconds_left": 2280 if state == "running" else None,
        "val_map_50": 0.612,
        "updated": "2025-11-22T18:09:55+00:00",
        "curves": _curves(reached, map_50, draw),
        "per_class": {name: min(0.95, max(0.2, draw.gauss(map_50, 0.1))) for name in classes} if done else {},
        "precision_recall": {name: _precision_recall(draw) for name in ["", *classes]} if done else {},
    }


def _curves(reached: int, map_50: float, draw: random.Random) -> dict[str, Any]:
    steps = list(range(0, reached + 1, 60))
    validated = [step % 300 == 0 and step > 0 for step in steps]
    pace = draw.uniform(1.0, 1.3)
    rise = [map_50 * (1 - math.exp(-step / 1300)) + draw.gauss(0, 0.006) for step in steps]
    fall = [0.6 + 4.2 * math.exp(-step / 900) + draw.gauss(0, 0.06) for step in steps]
    return {
        "step": steps,
        "epoch": [step / 100 for step in steps],
        "hours": [pace * step / 4500 for step in steps],
        "train/loss": fall,
        "train/localization": [0.4 * value for value in fall],
        "val/loss": [value + 0.3 if shown else None for value, shown in zip(fall, validated, strict=True)],
        "val/map_50": [value if shown else None for value, shown in zip(rise, validated, strict=True)],
        "val/map_50_95": [0.6 * value if shown else None for value, shown in zip(rise, validated, strict=True)],
        "val/coco_ap": [0.55 * value if shown else None for value, shown in zip(rise, validated, strict=True)],
        "test/map_50": [None] * (len(steps) - 1) + [map_50],
    }


def _precision_recall(draw: random.Random) -> dict[str, list[float]]:
    reach, bend = draw.uniform(0.85, 0.97), draw.uniform(3, 6)
    recall = [round(reach * place / 59, 4) for place in range(60)]
    return {"recall": recall, "precision": [round(1 - 0.9 * (value / reach) ** bend, 4) for value in recall]}


def _config(row: str) -> dict[str, Any]:
    _, loss, augment, _, _ = _ROWS[row]
    config: dict[str, Any] = {
        "loss._target_": f"lightweight_ssd.loss.{loss}.{'BLL' if loss == 'bll' else 'CIoULoss'}",
        "augment.name": augment,
        "augment.steps.gray_mix_rgb.p": 0.5 if "gray" in augment else None,
    }
    return config | ({"augment.steps.mosaic.p": 0.5} if augment == "mosaic" else {})


def _image(number: int, draw: random.Random) -> dict[str, Any]:
    width, height = (375, 500) if number == 3 else (500, 375)
    sky, ground = [tuple(draw.randrange(60, 220) for _ in range(3)) for _ in range(2)]
    picture = Image.new("RGB", (width, height), sky)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, height * 0.6, width, height), fill=ground)
    truth = []
    for _ in range(draw.randrange(1, 4)):
        left, top = draw.randrange(20, width // 2), draw.randrange(30, height // 2)
        box = [left, top, left + draw.randrange(80, width // 2), top + draw.randrange(80, height // 2)]
        pen.ellipse(tuple(box), fill=tuple(draw.randrange(256) for _ in range(3)))
        truth.append({"box": box, "label": draw.randrange(len(CLASSES)), "difficult": draw.random() < 0.2})
    runs = [f"{row}s{seed}" for row in _ROWS for seed in range(3) if (row, seed) not in _STATES]
    return {
        "id": number,
        "file": f"{number:06d}.jpg",
        "src": None if number == 5 else _data_uri(picture),
        "width": width,
        "height": height,
        "truth": truth,
        "found": {run: [_near(one, draw) for one in truth if draw.random() < 0.75] for run in runs},
        "score": {run: round(draw.random(), 3) for run in runs},
    }


def _near(one: dict[str, Any], draw: random.Random) -> list[float]:
    label = one["label"] if draw.random() < 0.8 else draw.randrange(len(CLASSES))
    return [value + draw.gauss(0, 7) for value in one["box"]] + [label, round(draw.uniform(0.3, 0.99), 3)]


def _data_uri(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
