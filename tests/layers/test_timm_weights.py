"""Published weights: timm's download from a hub on this machine, by its client's real requests, and without a hub."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save
from tests.hub_server import hub

from lightweight_ssd.layers.timm_weights import find_weights

NAME = "test_resnet"
REPOSITORY = "timm/test_resnet.r160_in1k"
PLACE = f"/{REPOSITORY}/resolve/main"
# A process of its own, since the client reads its hub from the environment once.
CODE = f"""
import json
from lightweight_ssd.layers.timm_model import create_timm_model, loaded_weights
try:
    model = create_timm_model("{NAME}", "pretrained", 0.1, None, features_only=True)
    loaded = loaded_weights(model)._asdict() | {{"first": next(model.parameters()).flatten()[:3].tolist()}}
    print(json.dumps(loaded))
except ValueError as error:
    print(json.dumps(str(error)))
"""


def _start(hub_url: str, cache: Path, **environment: str) -> subprocess.Popen[str]:
    places = {"HF_ENDPOINT": hub_url, "HF_HOME": str(cache / "hf"), "TORCH_HOME": str(cache / "torch")}
    known = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    proxies = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return subprocess.Popen(
        [sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=known | places | proxies | environment,
    )  # fmt: skip


def _said(process: subprocess.Popen[str]) -> dict[str, object] | str:
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return json.loads(out.splitlines()[-1])


def _published() -> bytes:
    torch.manual_seed(0)
    return save(timm.create_model(NAME, pretrained=False).state_dict())


@pytest.mark.slow
def test_weights_are_downloaded_once_and_then_found_without_the_hub(tmp_path: Path) -> None:
    with hub({f"{PLACE}/model.safetensors": _published()}) as server:
        first = _said(_start(server.url, tmp_path))
    assert isinstance(first, dict), first
    assert first["source"] == f"{server.url}{PLACE}/model.safetensors"
    assert str(first["file"]).startswith(str(tmp_path / "hf")) and len(str(first["sha256"])) == 64
    assert first["mean"] == [127.5, 127.5, 127.5] and first["std"] == [127.5, 127.5, 127.5]
    torch.manual_seed(0)
    network = timm.create_model(NAME, pretrained=False)
    assert first["first"] == next(network.parameters()).flatten()[:3].tolist()
    assert _said(_start(server.url, tmp_path)) == first  # the server is gone


@pytest.mark.slow
def test_processes_of_one_machine_download_it_once(tmp_path: Path) -> None:
    with hub({f"{PLACE}/model.safetensors": _published()}, delay=2.0) as server:
        processes = [_start(server.url, tmp_path) for _ in range(2)]
        said = [_said(process) for process in processes]
    assert said[0] == said[1] and isinstance(said[0], dict), said
    assert server.requests["GET", f"{PLACE}/model.safetensors"] == 1


@pytest.mark.slow
def test_an_older_file_is_taken_where_there_is_no_newer_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(timm.create_model(NAME, pretrained=False).state_dict(), tmp_path / "pytorch_model.bin")
    with hub({f"{PLACE}/pytorch_model.bin": (tmp_path / "pytorch_model.bin").read_bytes()}) as server:
        said = _said(_start(server.url, tmp_path))
    assert isinstance(said, dict) and said["source"] == f"{server.url}{PLACE}/pytorch_model.bin", said


@pytest.mark.slow
@pytest.mark.parametrize("environment", [{}, {"HF_HUB_OFFLINE": "1"}])
def test_without_a_hub_a_sentence_says_what_to_fetch(tmp_path: Path, environment: dict[str, str]) -> None:
    with socket.socket() as free:  # nobody answers there
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        said = _said(_start(url, tmp_path, **environment))
    assert isinstance(said, str), said
    assert said.startswith(
        f"Expected to download the weights for backbone.weights=pretrained but {url}{PLACE}/model.safetensors cannot "
    )
    assert said.endswith("fetch model.safetensors from there on another machine and give backbone.weights=FILE.")


def test_a_network_without_published_weights_is_named() -> None:
    name = next(name for name in timm.list_models() if not timm.get_pretrained_cfg(name).has_weights)
    with pytest.raises(ValueError, match=f"timm names none for {name}: choose one of timm.list_pretrained"):
        find_weights(name, "pretrained")
