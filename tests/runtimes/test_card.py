"""A card survives its file, and a damaged or foreign one is one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.small_onnx import small_card, small_onnx

from lightweight_ssd.ops.thresholds import Thresholds
from lightweight_ssd.runtimes.card import Parity, card_file, read_card, write_card


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    parity = Parity(images=8, box_difference=1e-4, score_difference=2e-6, batches=[1, 3])
    card = small_card(
        thresholds=Thresholds(0.3, 0.5, 7, 50), parity=parity, versions={"torch": "2.15"}, batch=4, run="runs of mine",
        outputs="raw", anchors=[(0.0, 0.5, 1.0, 1.5)],
    )  # fmt: skip
    file = tmp_path / "a.onnx"
    file.touch()
    assert write_card(card, file) == tmp_path / "a.onnx.json" == card_file(file)
    assert read_card(file) == card


def test_an_onnx_file_alone_has_it_inside_and_one_beside_counts_first(tmp_path: Path) -> None:
    path = small_onnx(tmp_path / "a.onnx", card="inside", run="inside")
    assert read_card(path).run == "inside"
    write_card(small_card(run="beside"), path)
    assert read_card(path).run == "beside"


def test_without_one_the_sentence_says_what_is_missing(tmp_path: Path) -> None:
    path = small_onnx(tmp_path / "a.onnx", card="none")
    with pytest.raises(FileNotFoundError, match=r"Expected a\.onnx\.json beside .*a\.onnx.* copy both files"):
        read_card(path)
    (tmp_path / "a.xml").touch()
    with pytest.raises(FileNotFoundError, match=r"Expected a\.xml\.json beside"):
        read_card(tmp_path / "a.xml")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "[" * 100_000, "\x00", '{"format": "onnx"}'])
def test_what_is_no_card_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = small_onnx(tmp_path / "a.onnx", card="none")
    card_file(path).write_text(text)
    with pytest.raises(ValueError, match=r"Expected the card of a detector .* in .*a\.onnx\.json") as error:
        read_card(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"class_names": ["circle", "${oc.env:HOME}"]},
        {"class_names": []},
        {"class_names": ["circle", "x" * 2000]},
        {"category_ids": [1]},
        {"category_ids": [1, 2**70]},
        {"image_size": [64, 0]},
        {"image_size": [64, 10**9]},
        {"image_size": [64]},
        {"batch": 0},
        {"input": "int32"},
        {"outputs": "other"},
        {"outputs": "raw"},
        {"precision": "bf8"},
        {"format": "../onnx"},
        {"thresholds": {"score_threshold": 1.5}},
        {"thresholds": {"iou_threshold": "high"}},
        {"mean": [1, 2]},
        {"checkpoint": "/home/somebody/best.ckpt"},
        {"versions": {"torch": 2}},
        {"parity": {"images": 0, "box_difference": 0, "score_difference": 0, "batches": []}},
    ],
)
def test_a_value_that_cannot_be_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = small_onnx(tmp_path / "a.onnx")
    place = card_file(path)
    place.write_text(json.dumps({**json.loads(place.read_text()), **wrong}))
    with pytest.raises(ValueError, match=r"Expected the card of a detector .* in .*a\.onnx\.json") as error:
        read_card(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 1000


def test_values_that_a_later_version_adds_are_passed_over(tmp_path: Path) -> None:
    path = small_onnx(tmp_path / "a.onnx")
    place = card_file(path)
    place.write_text(json.dumps({**json.loads(place.read_text()), "license": {"name": "mine"}}))
    assert read_card(path).class_names == ["circle", "square"]
