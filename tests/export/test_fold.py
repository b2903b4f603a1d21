"""No BatchNorm is left, whatever comes before it, and the network computes what it did."""

import pytest
import torch
from tests.export.conftest import settled_detector
from torch import nn
from torch.export import export

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.export.fold import fold_batch_norms
from lightweight_ssd.export.network import DeployedNetwork
from lightweight_ssd.export.traced import rewritten

NORM = torch.ops.aten.batch_norm.default


def _left(graph: torch.fx.GraphModule) -> int:
    return sum(node.target is NORM for node in graph.graph.nodes)


@pytest.mark.slow
@pytest.mark.parametrize("neck", ["cfpn", "fpn", "pan", "bifpn", "none"])
def test_every_use_of_a_shared_convolution_and_every_part_of_a_mixed_one(neck: str) -> None:
    network = DeployedNetwork(settled_detector(neck), (72, 72))
    graph = rewritten(network, None, torch.uint8)
    assert _left(graph) == 0
    images = torch.randint(0, 256, (3, 3, 72, 72), dtype=torch.uint8)
    with torch.no_grad():
        for expected, found in zip(network(images), graph(images), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["mobilenet_v1", "mobilenet_v2", "efficientnet_lite0"])
def test_other_backbones(backbone: str) -> None:
    torch.manual_seed(0)
    weights = ["backbone.weights=null"] if backbone == "efficientnet_lite0" else []
    cfg = resolved(compose([f"backbone={backbone}", "neck.width=16", *weights], "profile"))
    graph = rewritten(DeployedNetwork(build(cfg["detector"], num_classes=2).eval(), (96, 96)), 1, torch.float32)
    assert _left(graph) == 0


class _Shared(nn.Module):
    """What cannot be folded: the convolution's result is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return x + self.norm(x)


def test_what_cannot_be_folded_stays_as_it_is() -> None:
    module = _Shared().eval()
    nn.init.uniform_(module.norm.running_mean)
    images = torch.rand(1, 3, 4, 4)
    graph = export(module, (images,)).module()
    assert fold_batch_norms(graph) == 1
    torch.testing.assert_close(graph(images), module(images))


def test_a_bias_and_a_norm_without_weights() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3, bias=True), nn.BatchNorm2d(4, affine=False)).eval()
    nn.init.uniform_(module[1].running_mean)
    nn.init.uniform_(module[1].running_var, 0.5, 2)
    images = torch.rand(2, 3, 5, 5)
    graph = export(module, (images,)).module()
    assert fold_batch_norms(graph) == 0 == _left(graph)
    torch.testing.assert_close(graph(images), module(images))
