"""The tables that a command ends with."""

from pathlib import Path

import numpy as np

from lightweight_ssd.metrics.coco import COCOResult
from lightweight_ssd.metrics.voc import VOCResult
from lightweight_ssd.runs.files import PICTURES, RESULTS_FILE

__all__ = ["coco_table", "print_result", "result_table"]

_PRECISION = {
    "50:95": "ap", "50": "ap_50", "75": "ap_75", "small": "ap_small", "medium": "ap_medium", "large": "ap_large",
}  # fmt: skip
_RECALL = {
    "top 1": "ar_1", "top 10": "ar_10", "top 100": "ar_100", "small": "ar_small", "medium": "ar_medium",
    "large": "ar_large",
}  # fmt: skip


def print_result(result: VOCResult, folder: Path, coco: COCOResult | None = None) -> None:
    """Prints AP per class, COCO's figures where they were computed, and where everything else lies."""
    print(result_table(result, coco))
    if coco:
        print(f"\n{coco_table(coco)}")
    print(f"\npictures:  {folder / PICTURES}\nfigures:   {folder / RESULTS_FILE}")


def result_table(result: VOCResult, coco: COCOResult | None = None) -> str:
    """AP per class and its means, in percent; the last column is COCO's AP where it was computed."""
    width = max(5, *map(len, result.class_names))
    lines = [f"{'class':<{width}}  objects   AP50  11-point  AP50:95{'  COCO AP' if coco else ''}"]
    columns = (result.objects, result.ap_50, result.ap_50_11point, result.ap_50_95)
    coco_ap = [*coco.class_ap, coco.ap] if coco else [None] * (len(result.class_names) + 1)
    rows = list(zip(result.class_names, *columns, strict=True))
    rows.append(("mAP", result.objects.sum(), result.map_50, result.map_50_11point, result.map_50_95))
    for (name, objects, area, eleven_point, over), by_coco in zip(rows, coco_ap, strict=True):
        shares = f"{_percent(area, 5)}  {_percent(eleven_point, 8)}  {_percent(over, 7)}"
        shares += "" if by_coco is None else f"  {_percent(by_coco, 7)}"
        lines.append(f"{name:<{width}}  {int(objects):7d}  {shares}")
    return "\n".join(lines)


def coco_table(result: COCOResult) -> str:
    """COCO's twelve figures, in percent: precision and recall, over all objects and by their size."""
    lines = []
    for name, figures in (("AP", _PRECISION), ("AR", _RECALL)):
        lines.append(f"COCO {name}" + "".join(f"{head:>9}" for head in figures))
        lines.append(" " * 7 + "".join(_percent(getattr(result, figure), 9) for figure in figures.values()))
    return "\n".join(lines)


def _percent(value: float, width: int) -> str:
    return f"{'-':>{width}}" if np.isnan(value) else f"{100 * value:{width}.1f}"
