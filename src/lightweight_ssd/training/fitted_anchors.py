"""`anchors=auto`: anchors fitted to the training boxes, written into the run's configuration as plain numbers.

Every checkpoint holds that configuration, so it loads without the data, and the run's `config.yaml` says what was used.
"""

from pathlib import Path
from typing import Any

from lightweight_ssd.anchors.shapes import ShapeAnchors
from lightweight_ssd.checkpoint.load import build_detector, load_checkpoint
from lightweight_ssd.config.batch_split import AUTO
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.data.input_boxes import input_boxes
from lightweight_ssd.detector.anchor_fit import (
    MATCH_THRESHOLD,
    anchor_grid,
    anchor_shapes,
    anchor_sides,
    best_anchors,
    fit_anchors,
)
from lightweight_ssd.training.session import is_first_rank

__all__ = ["with_fitted_anchors"]


def with_fitted_anchors(config: dict[str, Any], resume_from: Path | None = None) -> dict[str, Any]:
    """The configuration with anchors in place of `anchors=auto`; unchanged without it. The first process says it.

    Args:
        config: Of `lssd train`, resolved.
        resume_from: Checkpoint that the run goes on from, whose anchors are taken; None fits them.

    Raises:
        ValueError: The training split has no box to fit them to, or the detector has no anchors.
    """
    if config.get("anchors") != AUTO:
        return config
    if not isinstance(config["detector"].get("anchors"), dict):
        raise ValueError(
            "Expected a detector with anchors to fit, such as detector=ssd, for anchors=auto; give anchors=null."
        )
    levels = _fitted(config) if resume_from is None else _of_checkpoint(resume_from)
    detector = config["detector"]
    return {**config, "detector": {**detector, "anchors": {**detector["anchors"], "levels": levels}}}


def _of_checkpoint(path: Path) -> Any:
    return load_checkpoint(path)["hyper_parameters"]["config"]["detector"]["anchors"].get("levels")


def _fitted(config: dict[str, Any]) -> list[list[list[float]]]:
    size = config["image_size"]
    height, width = (size, size) if isinstance(size, int) else size
    backbone = config["detector"]["backbone"]
    backbone = {**backbone, **({"weights": None} if "weights" in backbone else {})}  # only sizes are asked for
    detector = build_detector({"detector": {**config["detector"], "backbone": backbone}}, ["any"])
    grid = anchor_grid(detector, (height, width))
    annotations = build(config["data"]).annotations("train").first(config["datamodule"]["first_images"])
    boxes = input_boxes(annotations, (height, width)).boxes
    if not len(boxes):
        raise ValueError("Expected training boxes for anchors=auto, but there is none; give anchors=null.")
    start = anchor_shapes(detector.anchors, grid)
    fitted = fit_anchors(boxes, start, grid)
    if is_first_rank():
        before, after = (
            100 * float((best_anchors(boxes, each, grid)[0] >= MATCH_THRESHOLD).mean()) for each in (start, fitted)
        )
        print(
            f"anchors: fitted to {len(boxes):,} training boxes; {after:.1f} % have an anchor with an IoU of "
            f"{MATCH_THRESHOLD} or more, {before:.1f} % with the default anchors",
            flush=True,
        )
    if isinstance(detector.anchors, ShapeAnchors):  # pixels, before its scale
        scale, sides = detector.anchors.scale, [anchor_sides(level, grid.image_size) for level in fitted]
        fitted = [[(round(w / scale, 2), round(h / scale, 2)) for w, h in level] for level in sides]
    return [[list(pair) for pair in level] for level in fitted]
