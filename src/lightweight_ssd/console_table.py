"""The table that a command ends with."""

from pathlib import Path

import numpy as np

from lightweight_ssd.metrics.voc import VOCResult

__all__ = ["print_result", "result_table"]


def print_result(result: VOCResult, folder: Path) -> None:
    """Prints the table and where everything else lies."""
    print(result_table(result))
    print(f"\npictures:  {folder / 'pictures'}\nfigures:   {folder / 'results.json'}")


def result_table(result: VOCResult) -> str:
    """AP per class and its means, in percent."""
    width = max(5, *map(len, result.class_names))
    lines = [f"{'class':<{width}}  objects   AP50  11-point  AP50:95"]
    columns = (result.objects, result.ap_50, result.ap_50_11point, result.ap_50_95)
    rows = list(zip(result.class_names, *columns, strict=True))
    rows.append(("mAP", result.objects.sum(), result.map_50, result.map_50_11point, result.map_50_95))
    for name, objects, area, eleven_point, over in rows:
        shares = f"{_percent(area, 5)}  {_percent(eleven_point, 8)}  {_percent(over, 7)}"
        lines.append(f"{name:<{width}}  {int(objects):7d}  {shares}")
    return "\n".join(lines)


def _percent(value: float, width: int) -> str:
    return f"{'-':>{width}}" if np.isnan(value) else f"{100 * value:{width}.1f}"
