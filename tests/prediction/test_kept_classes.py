"""Only the classes that were asked for are found, and they get the places of the others."""

from pathlib import Path

import numpy as np
import pytest
from tests.command_line import tiny_checkpoint

from lightweight_ssd.prediction.kept_classes import labels_of
from lightweight_ssd.prediction.load import load

NAMES = ["cat", "dog", "traffic light", "7"]


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        (None, None),
        (["dog"], [1]),
        ("traffic light", [2]),
        (["7", "cat", "cat"], [0, 3]),
        (7, [3]),
        ([7, "dog"], [1, 3]),
    ],
)
def test_labels(classes: list[str | int] | str | int | None, labels: list[int] | None) -> None:
    assert labels_of(classes, NAMES) == labels


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        (["Dog"], r"^Expected classes among those of the detector but got Dog; did you mean dog\?$"),
        (["trafic light"], r"did you mean traffic light\?$"),
        ("person", r"it has cat, dog, traffic light, 7\.$"),
        ([], "at least one class"),
    ],
)
def test_a_class_that_there_is_not_is_one_sentence(classes: list[str] | str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        labels_of(classes, NAMES)


def test_the_others_take_no_place(tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path / "a.ckpt")
    model, image = (
        load(tmp_path / "a.ckpt", device="cpu"),
        np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8),
    )
    both = model.predict(image, score_threshold=0.0095, max_detections=10)
    assert set(both.names) == {"circle", "square"}
    squares = model.predict(image, score_threshold=0.0095, max_detections=10, classes=["square"])
    assert squares.names == ["square"] * 10
    first = both.scores[both.labels == 1]
    np.testing.assert_array_equal(squares.scores[: len(first)], first)
    assert len(model.predict(image, score_threshold=0.0, classes="square")) > 0
    assert set(model.predict(image, score_threshold=0.0, classes="square").names) == {"square"}
