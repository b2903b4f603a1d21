"""Objects in a photo, by an exported detector, NumPy, Pillow and ONNX Runtime: python detect.py MODEL.onnx PHOTO"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def detect(model: str, photo: str, score_threshold: float = 0.3) -> list[tuple[str, float, list[float]]]:
    """Class name, score and box (left, top, right, bottom, pixels of the photo) of each object, the best first."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    card = json.loads(session.get_modelmeta().custom_metadata_map["lightweight_ssd"])
    height, width = card["image_size"]
    image = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    images = pixels.transpose(2, 0, 1)[None].astype(card["input"])  # RGB, 0 to 255; the graph normalizes
    boxes, scores = session.run(["boxes", "scores"], {session.get_inputs()[0].name: images})
    boxes = boxes[0].clip(0, [width, height, width, height])
    scale = [image.width / width, image.height / height] * 2
    found = []
    for label, name in enumerate(card["class_names"]):
        for index in suppress(boxes, scores[0, :, label], score_threshold, card["thresholds"]["iou_threshold"]):
            found.append((name, float(scores[0, index, label]), (boxes[index] * scale).tolist()))
    return sorted(found, key=lambda each: -each[1])[: card["thresholds"]["max_detections"]]


def suppress(boxes: np.ndarray, scores: np.ndarray, score_threshold: float, iou_threshold: float) -> list[int]:
    """Non-maximum suppression: of boxes that overlap more than the threshold, the one with the best score."""
    order, kept = [index for index in np.argsort(-scores, kind="stable") if scores[index] > score_threshold], []
    while order:
        best, *rest = order
        kept.append(best)
        sides = np.minimum(boxes[rest, 2:], boxes[best, 2:]) - np.maximum(boxes[rest, :2], boxes[best, :2])
        common = sides.clip(0).prod(axis=1)
        areas = (boxes[rest, 2:] - boxes[rest, :2]).prod(axis=1) + (boxes[best, 2:] - boxes[best, :2]).prod()
        order = [index for index, share in zip(rest, common / (areas - common), strict=True) if share <= iou_threshold]
    return kept


if __name__ == "__main__":
    for name, score, box in detect(*sys.argv[1:3]):
        print(name, f"{score:.3f}", *(f"{side:.1f}" for side in box))
