"""The ranges of the settings are those of every post-processing; `tests/detector/test_postprocess.py` has the rest."""

from dataclasses import replace

import pytest

from lightweight_ssd.ops.thresholds import Thresholds, known_thresholds


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"score_threshold": 1.0}, "Expected score_threshold from 0 to below 1 but got 1.0."),
        ({"iou_threshold": 1.1}, "Expected iou_threshold from 0 to 1 but got 1.1."),
        ({"max_detections": 0}, "Expected max_detections as a whole number of at least 1 but got 0."),
        ({"max_candidates": -1}, "Expected max_candidates as a whole number of at least 1 but got -1."),
    ],
)
def test_a_setting_out_of_range_is_refused(settings: dict, sentence: str) -> None:
    for make in (lambda: Thresholds(**settings), lambda: replace(Thresholds(), **settings)):
        with pytest.raises(ValueError) as error:
            make()
        assert str(error.value) == sentence


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected postprocess settings among .* but got .'variances'.") as error:
        known_thresholds({"variances": 1})
    assert "max_candidates" in str(error.value)
    with pytest.raises(ValueError, match="Expected max_detections as a whole number of at least 1 but got True"):
        known_thresholds({"max_detections": True})
