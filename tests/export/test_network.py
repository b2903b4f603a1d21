"""The deployed network finds what the detector finds, without making anchors."""

import pytest
import torch
from tests.export.conftest import settled_detector

from lightweight_ssd.export.network import DeployedNetwork


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_boxes_and_scores_are_the_detectors(dtype: torch.dtype) -> None:
    detector = settled_detector()
    images = torch.randint(0, 256, (2, 3, 72, 72)).to(dtype)
    with torch.no_grad():
        boxes, scores = DeployedNetwork(detector, (72, 72))(images)
        raw = detector(images)
    torch.testing.assert_close(boxes, detector.coder.decode(raw.offsets, raw.anchors), atol=1e-4, rtol=0)
    torch.testing.assert_close(scores, raw.logits.sigmoid())


def test_raw_outputs_and_a_size_that_is_no_square() -> None:
    detector = settled_detector()
    network = DeployedNetwork(detector, (72, 96), "raw")
    images = torch.randint(0, 256, (1, 3, 72, 96), dtype=torch.uint8)
    with torch.no_grad():
        logits, offsets = network(images)
        raw = detector(images)
    assert network.outputs == ("logits", "offsets")
    assert torch.equal(logits, raw.logits) and torch.equal(offsets, raw.offsets)
    assert torch.equal(network.anchors, raw.anchors)
