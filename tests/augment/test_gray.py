"""The gray version of an image: three equal channels, boxes untouched."""

import numpy as np

from lightweight_ssd.augment.gray import Gray
from lightweight_ssd.augment.pipeline import Pipeline


def test_channels_are_equal_and_boxes_stay() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    boxes, labels = np.array([[3.0, 4.0, 12.0, 15.0]], np.float32), np.array([1], np.int64)
    gray, kept, kept_labels = Pipeline(image_size=[20, 30], steps={"gray": Gray()})(
        image, boxes, labels, generator=np.random.default_rng(0)
    )
    assert (gray[..., 0] == gray[..., 1]).all() and (gray[..., 1] == gray[..., 2]).all()
    expected = image @ np.array([0.299, 0.587, 0.114])
    assert np.abs(gray[..., 0] - expected).max() <= 0.51
    np.testing.assert_allclose(kept, boxes, atol=1e-4)
    assert kept_labels.tolist() == [1]
