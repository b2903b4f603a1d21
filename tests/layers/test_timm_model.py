"""Networks of timm: normalization, weights from a file, and nothing from the network."""

import logging
import socket
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.layers.norm_act import BatchNormAct2d
from torch import nn

from lightweight_ssd.layers.timm_model import create_timm_model


def whole_network(name: str, path: Path, size: int = 64) -> nn.Module:
    """A network for classification whose statistics are not the initial ones; its weights go into a file."""
    torch.manual_seed(0)
    network = timm.create_model(name, pretrained=False)
    network(torch.randn(4, 3, size, size))
    if path.suffix == ".safetensors":
        save_file(network.state_dict(), path)
    else:
        torch.save(network.state_dict(), path)
    return network.eval()


def own_eps(network: nn.Module) -> float:
    return next((module.eps for module in network.modules() if isinstance(module, nn.BatchNorm2d)), 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "suffix", "size"),
    [
        ("test_efficientnet", ".pth", 64),  # names as in the file
        ("test_efficientnet", ".safetensors", 64),
        ("test_convnext", ".pth", 64),  # stages.0 becomes stages_0
        ("densenet121", ".pth", 64),  # features.conv0 becomes features_conv0
        ("test_vit", ".safetensors", 160),  # blocks becomes model.blocks
    ],
)
def test_weights_give_the_network_of_the_file(name: str, suffix: str, size: int, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    whole = whole_network(name, path, size)
    features = create_timm_model(name, str(path), 0.03, own_eps(whole), features_only=True).eval()
    x = torch.randn(1, 3, size, size)
    with torch.no_grad():
        expected = whole.forward_intermediates(x, intermediates_only=True)  # type: ignore[operator]
        torch.testing.assert_close(features(x)[-1], expected[-1])


def test_what_is_loaded_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "weights.pth"
    whole_network("test_efficientnet", path)
    with caplog.at_level(logging.INFO, "lightweight_ssd.layers.timm_model"):
        create_timm_model("test_efficientnet", str(path), 0.03, 0.5, features_only=True)
    ours = [record for record in caplog.records if record.name == "lightweight_ssd.layers.timm_model"]
    loaded, unused, expected, eps = [record.getMessage() for record in ours]
    assert loaded.startswith(f"backbone.weights={path}: loaded all ")
    assert unused.endswith(
        "['bn2.bias', 'bn2.running_mean', 'bn2.running_var', "
        "'bn2.weight', 'classifier.bias', 'classifier.weight', 'conv_head.weight']"
    )
    assert expected.endswith("images of mean (123.675, 116.28, 103.53) and deviation (58.395, 57.12, 57.375)")
    assert eps == "backbone.norm_eps=0.5, but timm has 1e-05 for test_efficientnet; its weights expect that"


def test_an_epsilon_that_fits_is_not_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "weights.pth"
    whole = whole_network("test_efficientnet", path)
    create_timm_model("test_efficientnet", str(path), 0.03, own_eps(whole), features_only=True)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_training_checkpoints_are_read_too(tmp_path: Path) -> None:
    state = whole_network("test_efficientnet", tmp_path / "plain.pth").state_dict()
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, tmp_path / "wrapped.pth")
    model = create_timm_model("test_efficientnet", str(tmp_path / "wrapped.pth"), 0.03, 1e-5, features_only=True)
    torch.testing.assert_close(model.state_dict()["conv_stem.weight"], state["conv_stem.weight"])


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    whole_network("test_resnet", tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other\.pth to hold every tensor of test_efficientnet but .* give a file of"):
        create_timm_model("test_efficientnet", str(tmp_path / "other.pth"), 0.03, 1e-3)


def test_one_tensor_of_another_shape_is_named(tmp_path: Path) -> None:
    state = whole_network("test_efficientnet", tmp_path / "weights.pth").state_dict()
    torch.save(state | {"conv_stem.weight": torch.zeros(1)}, tmp_path / "wrong.pth")
    with pytest.raises(ValueError, match=r"but 1 of \d+ are missing or of another shape, conv_stem\.weight among them"):
        create_timm_model("test_efficientnet", str(tmp_path / "wrong.pth"), 0.03, 1e-3)


def test_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("no weights")
    torch.save(nn.Linear(1, 1), tmp_path / "code.pth")
    for name in ("text", "code"):
        with pytest.raises(ValueError, match=f"{name}.pth is not a file of weights, or is incomplete"):
            create_timm_model("test_efficientnet", str(tmp_path / f"{name}.pth"), 0.03, 1e-3)
    with pytest.raises(FileNotFoundError, match=r"none\.pth is not a file"):
        create_timm_model("test_efficientnet", str(tmp_path / "none.pth"), 0.03, 1e-3)


@pytest.mark.parametrize("name", ["test_efficientnet", "test_resnet", "mobilenetv2_100"])
def test_norms_have_the_settings_and_keep_the_result(name: str) -> None:
    torch.manual_seed(0)
    theirs = timm.create_model(name, pretrained=False, num_classes=3)
    torch.manual_seed(0)
    ours = create_timm_model(name, None, 0.25, own_eps(theirs), num_classes=3)
    norms = [module for module in ours.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.25, own_eps(theirs))}
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(ours(x), theirs(x))


def test_synchronized_norms_keep_their_activations() -> None:
    def activations(model: nn.Module) -> int:
        return sum(isinstance(module, nn.ReLU6) for module in model.modules())

    model = create_timm_model("mobilenetv2_100", None, 0.03, 1e-3)
    assert not any(isinstance(module, BatchNormAct2d) for module in model.modules())
    assert activations(model) == 2 * 17 + 1  # two a block, one fewer in the first, the stem's and the head's
    assert activations(nn.SyncBatchNorm.convert_sync_batchnorm(model)) == 35


def test_nothing_comes_from_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    create_timm_model("mobilenetv3_small_050.lamb_in1k", None, 0.03, 1e-3)
    with pytest.raises(ValueError, match="Expected the name of a network of timm but got 'hf-hub:timm/resnet18"):
        create_timm_model("hf-hub:timm/resnet18.a1_in1k", None, 0.03, 1e-3)


def test_a_wrong_name_gets_the_near_ones() -> None:
    with pytest.raises(ValueError, match=r"but got 'mobilenetv9'; names like it: mobilenet"):
        create_timm_model("mobilenetv9", None, 0.03, 1e-3)


def test_a_network_without_levels_is_refused() -> None:
    with pytest.raises(ValueError, match="that can return its levels but got 'test_resnet'"):
        create_timm_model("test_resnet", None, 0.03, 1e-3, features_only=True, out_indices=(99,))
