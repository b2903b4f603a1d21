"""Names of the metrics of an evaluation, under VOC's and under COCO's rules, and the sizes of objects in them."""

from typing import Final

__all__ = ["COCO_METRICS", "LARGE_FROM", "MEDIUM_FROM", "VOC_METRICS"]

MEDIUM_FROM: Final = 32.0**2  # area from which an object is medium, square pixels of the image file, as COCO cuts it
LARGE_FROM: Final = 96.0**2

VOC_METRICS: Final = ("map_50", "map_50_11point", "map_50_95")
"""Means over the classes; the one that is reported first comes first."""

COCO_METRICS: Final = (
    "ap", "ap_50", "ap_75", "ap_small", "ap_medium", "ap_large",
    "ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large",
)  # fmt: skip
"""In COCO's official order."""
