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
    for name, objects, *values in zip(result.class_names, *columns, strict=True):
        lines.append(
            f"{name:<{width}}  {objects:7d}  {_percent(values[0], 5)}  {_percent(values[1], 8)}  {_percent(values[2], 7)}"
        )
    means = (result.map_50, result.map_50_11point, result.map_50_95)
    lines.append(
        f"{'mAP':<{width}}  {int(result.objects.sum()):7d}  "
        f"{_percent(means[0], 5)}  {_percent(means[1], 8)}  {_percent(means[2], 7)}"
    )
    return "\n".join(lines)


def _percent(value: float, width: int) -> str:
    return f"{'-':>{width}}" if np.isnan(value) else f"{100 * value:{width}.1f}"
