"""VGG-16: the published counts, its maps, weights of torchvision's and timm's files, a width for trials."""

from pathlib import Path

import pytest
import torch
from torchvision.models.vgg import cfgs, make_layers

from lightweight_ssd.backbone.vgg16 import VGG16
from lightweight_ssd.training.task import parameter_groups


def test_it_has_the_convolutions_of_the_paper() -> None:
    with torch.device("meta"):
        net, theirs = VGG16(), make_layers(cfgs["D"])
    assert sum(weight.numel() for weight in net.parameters()) == 14_714_688
    assert [weight.shape for weight in net.parameters()] == [weight.shape for weight in theirs.parameters()]
    (level,) = net(torch.empty(1, 3, 300, 300, device="meta"))
    assert level.shape == (1, 512, 19, 19) and net.out_channels == (512,) and net.strides == (16,)


def test_its_outputs_are_torchvisions_where_every_halving_is_even(tmp_path: Path) -> None:
    theirs = make_layers(cfgs["D"]).eval()
    features = {f"features.{name}": value for name, value in theirs.state_dict().items()}
    torch.save({**features, "classifier.6.bias": torch.zeros(1000)}, tmp_path / "vgg16.pth")
    net = VGG16(weights=str(tmp_path / "vgg16.pth")).eval()
    images = torch.randn(1, 3, 32, 48)
    with torch.no_grad():
        torch.testing.assert_close(net(images)[0], theirs[:30](images))
    assert net.loaded_weights is not None
    assert net.loaded_weights.tensors == 26 and net.loaded_weights.not_loaded == ["classifier.6"]


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "part.pth")
    with pytest.raises(ValueError, match=r"Expected backbone\.weights=.* to hold the 13 convolutions of VGG-16"):
        VGG16(width=0.1, weights=str(tmp_path / "part.pth"))
    with pytest.raises(FileNotFoundError, match="is not a file"):
        VGG16(width=0.1, weights=str(tmp_path / "none.pth"))
    with pytest.raises(ValueError, match=r"backbone\.width above 0"):
        VGG16(width=0.0)


def test_odd_sizes_round_up() -> None:
    net = VGG16(width=0.05)
    for side in (16, 17, 33, 100):
        assert net(torch.rand(1, 3, side, side))[0].shape[2:] == (-(-side // 16),) * 2


def test_the_first_blocks_can_be_kept_as_they_are() -> None:
    net = VGG16(width=0.05)
    groups = parameter_groups(net, {"block1": 0, "block2": 0})
    frozen = [name for name, weight in net.named_parameters() if not weight.requires_grad]
    assert len(frozen) == 8 and all(name.startswith(("block1.", "block2.")) for name in frozen)
    assert sum(len(group["params"]) for group in groups) == 26 - 8
