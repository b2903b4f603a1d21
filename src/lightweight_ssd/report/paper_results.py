"""The paper's results for its detector and others, for the gray points beside our own."""

from typing import NamedTuple

__all__ = ["PAPER_GPU", "TABLE_5", "PaperResult"]

PAPER_GPU = "RTX 2080 Ti"  # of the latencies


class PaperResult(NamedTuple):
    """One row of the paper's Table 5.

    Attributes:
        name: Detector and backbone.
        input_size: Side of the square input, pixels.
        map_50: mAP@0.5 on PASCAL VOC 2007 test, 0 to 1; the paper does not say whether by area or 11 points.
        parameters: Trainable parameters, None where the paper gives none.
        latency_ms: Latency of one image on an RTX 2080 Ti, ms; None where the paper gives none.
    """

    name: str
    input_size: int
    map_50: float
    parameters: float | None
    latency_ms: float | None = None


# Source: Lightweight SSD, Table 5; the latencies are those of Table 6.
TABLE_5 = (
    PaperResult("Faster R-CNN, VGG-16", 300, 0.732, 138.5e6),
    PaperResult("SSD300, VGG-16", 300, 0.775, 141.5e6),
    PaperResult("SSD300, Mobilenet", 300, 0.68, 6.8e6, 23.0),
    PaperResult("SSD300, Mobilenet v2", 300, 0.694, 6.2e6, 23.5),
    PaperResult("SSD300, Mobilenet v2 + FPN", 300, 0.719, 6.6e6, 24.0),
    PaperResult("YOLOv2, Darknet-19", 544, 0.737, 67.43e6),
    PaperResult("YOLOv3, Darknet-53", 608, 0.841, 62.3e6, 46.0),
    PaperResult("YOLOv3, Mobilenet", 300, 0.66, None),
    PaperResult("YOLO Nano", 300, 0.691, 16.0e6),
    PaperResult("Tiny YOLOv2", 416, 0.571, 15.86e6),
    PaperResult("Tiny YOLOv3", 416, 0.584, 12.3e6),
    PaperResult("ThunderNet, SNet49", 320, 0.701, None),
    PaperResult("Pelee", 304, 0.709, 5.43e6),
    PaperResult("Lightweight SSD (the paper)", 300, 0.744, 4.86e6, 23.7),
)
