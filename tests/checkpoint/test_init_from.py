"""`init_from` takes what fits and says what it left."""

from pathlib import Path

import pytest
import torch
from torch import nn

from lightweight_ssd.checkpoint.init_from import initialise


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
