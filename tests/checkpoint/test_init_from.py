"""`init_from` takes what fits and says what it left."""

from pathlib import Path

import pytest
import torch
from torch import nn

from lightweight_ssd.checkpoint.init_from import initialise, of_classes
from lightweight_ssd.head.box import BoxHead
from lightweight_ssd.head.ssd import SSDHead


class Two(nn.Module):
    def __init__(self, width: int = 2) -> None:
        super().__init__()
        self.first = nn.Linear(3, width)
        self.second = nn.Linear(4, 1)


def test_report_names_every_tensor(tmp_path: Path) -> None:
    source = {f"detector.{name}": value for name, value in Two(width=5).state_dict().items()}
    source["detector.third.weight"] = torch.zeros(1)
    del source["detector.second.bias"]
    torch.save({"state_dict": source}, tmp_path / "weights.ckpt")
    detector = Two()
    before = detector.first.weight.clone()
    report = initialise(detector, str(tmp_path / "weights.ckpt"))
    assert report["taken"] == ["second.weight"]
    assert report["other_shape"] == ["first.weight", "first.bias"]
    assert report["not_in_file"] == ["second.bias"] and report["not_in_detector"] == ["third.weight"]
    assert torch.equal(detector.second.weight, source["detector.second.weight"])
    assert torch.equal(detector.first.weight, before)


def test_plain_state_dictionary(tmp_path: Path) -> None:
    torch.save(Two().state_dict(), tmp_path / "weights.pt")
    assert len(initialise(Two(), str(tmp_path / "weights.pt"))["taken"]) == 4


def test_nothing_fits_is_an_error(tmp_path: Path) -> None:
    torch.save({"x": torch.zeros(1)}, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match="no tensor of this detector"):
        initialise(Two(), str(tmp_path / "weights.pt"))
    with pytest.raises(FileNotFoundError, match="is not a file"):
        initialise(Two(), str(tmp_path / "missing.pt"))


class Heads(nn.Module):
    """The predictors of a detector with two anchors per cell, by the names of ours."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.neck = nn.Conv2d(3, 4, 1)
        self.head = nn.ModuleDict(
            {
                "classes": nn.ModuleList([nn.Conv2d(4, 2 * classes, 1)]),
                "boxes": nn.ModuleList([nn.Conv2d(4, 2 * 4, 1)]),
            }
        )


def _checkpoint(path: Path, names: list[str]) -> Heads:
    module = Heads(len(names))
    state = {f"detector.{name}": value for name, value in module.state_dict().items()}
    torch.save({"state_dict": state, "hyper_parameters": {"class_names": names, "config": {}}}, path)
    return module


def test_the_same_classes_keep_their_head(tmp_path: Path) -> None:
    _checkpoint(tmp_path / "a.ckpt", ["cat", "dog"])
    report = initialise(Heads(2), str(tmp_path / "a.ckpt"), ["cat", "dog"])
    assert len(report["taken"]) == 6 and of_classes(report) == ""


def test_other_classes_keep_all_but_the_class_head_even_where_it_fits(tmp_path: Path) -> None:
    source = _checkpoint(tmp_path / "a.ckpt", ["cat", "dog"])
    detector = Heads(2)
    before = detector.head["classes"][0].weight.clone()
    report = initialise(detector, str(tmp_path / "a.ckpt"), ["cow", "hen"])
    assert report["class_head"] == ["head.classes.0.weight", "head.classes.0.bias"]
    assert report["taken"] == ["neck.weight", "neck.bias", "head.boxes.0.weight", "head.boxes.0.bias"]
    assert torch.equal(detector.head["classes"][0].weight, before)
    assert torch.equal(detector.head["boxes"][0].weight, source.head["boxes"][0].weight)
    assert of_classes(report) == "other classes: kept all but the class head; new: cow, hen"


@pytest.mark.parametrize("names", [["dog", "cow", "cat"], ["dog", "cat"]])
def test_classes_of_the_same_name_keep_their_outputs(names: list[str], tmp_path: Path) -> None:
    source = _checkpoint(tmp_path / "a.ckpt", ["cat", "dog"])
    detector = Heads(len(names))
    images = torch.randn(1, 4, 3, 3)
    before = detector.head["classes"][0](images).unflatten(1, (2, len(names)))
    report = initialise(detector, str(tmp_path / "a.ckpt"), names)
    ours = detector.head["classes"][0](images).unflatten(1, (2, len(names)))
    theirs = source.head["classes"][0](images).unflatten(1, (2, 2))
    for name in ("cat", "dog"):
        torch.testing.assert_close(ours[:, :, names.index(name)], theirs[:, :, ["cat", "dog"].index(name)])
    if "cow" in names:
        torch.testing.assert_close(ours[:, :, 1], before[:, :, 1])
    assert report["classes_kept"] == [name for name in names if name != "cow"]


def test_a_class_head_of_other_anchors_is_left(tmp_path: Path) -> None:
    _checkpoint(tmp_path / "a.ckpt", ["cat"])
    detector = Heads(2)
    detector.head["classes"][0] = nn.Conv2d(4, 3 * 2, 1)  # three anchors per cell, and two classes
    before = detector.head["classes"][0].weight.clone()
    initialise(detector, str(tmp_path / "a.ckpt"), ["cat", "dog"])
    assert torch.equal(detector.head["classes"][0].weight, before)


class WithHead(nn.Module):
    """A detector's head alone; two anchors per cell."""

    def __init__(self, classes: int, background: bool) -> None:
        super().__init__()
        self.head = SSDHead([4], [2], classes, background=background)


def test_the_background_goes_along_with_the_classes_of_the_same_name(tmp_path: Path) -> None:
    old, new = WithHead(2, True), WithHead(3, True)
    weights = {f"detector.{name}": value for name, value in old.state_dict().items()}
    torch.save({"hyper_parameters": {"class_names": ["cat", "cow"]}, "state_dict": weights}, tmp_path / "a.ckpt")
    before = new.head.classes[0].weight.clone().unflatten(0, (2, 4))  # pyright: ignore[reportCallIssue]
    initialise(new, str(tmp_path / "a.ckpt"), ["dog", "cow", "cat"])
    ours = new.head.classes[0].weight.unflatten(0, (2, 4))  # pyright: ignore[reportCallIssue]
    theirs = old.head.classes[0].weight.unflatten(0, (2, 3))  # pyright: ignore[reportCallIssue]
    assert torch.equal(ours[:, [0, 2, 3]], theirs[:, [0, 2, 1]]) and torch.equal(ours[:, 1], before[:, 1])


def test_a_head_without_background_is_left_by_one_with_it(tmp_path: Path) -> None:
    old, new = WithHead(3, False), WithHead(2, True)  # of the same shapes
    weights = {f"detector.{name}": value for name, value in old.state_dict().items()}
    names = {"class_names": ["cat", "cow", "dog"]}
    torch.save({"hyper_parameters": names, "state_dict": weights}, tmp_path / "a.ckpt")
    before = new.head.classes[0].weight.clone()
    initialise(new, str(tmp_path / "a.ckpt"), ["cat", "cow"])
    assert torch.equal(new.head.classes[0].weight, before)


class WithBoxes(nn.Module):
    """A second stage's head alone."""

    def __init__(self, classes: int, per_class: bool = True) -> None:
        super().__init__()
        self.head = BoxHead(4, classes, hidden=[5], per_class=per_class)


def _saved(module: nn.Module, path: Path, names: list[str]) -> str:
    weights = {f"detector.{name}": value for name, value in module.state_dict().items()}
    torch.save({"hyper_parameters": {"class_names": names}, "state_dict": weights}, path)
    return str(path)


@pytest.mark.parametrize("names", [["dog", "cow", "cat"], ["hen", "cat"]])
def test_boxes_of_a_class_go_along_with_its_name(names: list[str], tmp_path: Path) -> None:
    """Also where the classes are as many, so that every shape fits."""
    known = ["cat", "cow"]
    old, new = WithBoxes(2), WithBoxes(len(names))
    features, before = torch.randn(3, 4), new.head.boxes.weight.clone().unflatten(0, (-1, 4))
    report = initialise(new, _saved(old, tmp_path / "a.ckpt", known), names)
    boxes, theirs = new.head(features)[1], old.head(features)[1]
    for label, name in enumerate(names):
        if name in known:
            torch.testing.assert_close(boxes[:, label], theirs[:, known.index(name)])
        else:
            assert torch.equal(new.head.boxes.weight.unflatten(0, (-1, 4))[label + 1], before[label + 1])
    parts = [f"head.{part}" for part in ("classes", "boxes")]
    assert report["class_head"] == [f"{part}.{name}" for part in parts for name in ("weight", "bias")]
    assert report["taken"] == ["head.hidden.0.weight", "head.hidden.0.bias"] and not report["other_shape"]


def test_one_box_for_all_classes_is_taken_whole_but_not_for_one_of_each(tmp_path: Path) -> None:
    old, shared, apart = WithBoxes(2, per_class=False), WithBoxes(2, per_class=False), WithBoxes(2)
    path = _saved(old, tmp_path / "a.ckpt", ["cat", "cow"])
    before = apart.head.boxes.weight.clone()
    assert "head.boxes.weight" in initialise(shared, path, ["cow", "hen"])["taken"]
    assert torch.equal(shared.head.boxes.weight, old.head.boxes.weight)
    assert "head.boxes.weight" in initialise(apart, path, ["cow", "hen"])["class_head"]
    assert torch.equal(apart.head.boxes.weight, before)
