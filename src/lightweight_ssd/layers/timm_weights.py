"""Trained weights of timm's networks: a local file, or the one that timm names, downloaded into timm's own cache."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import timm
from huggingface_hub import constants, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from timm.models import PretrainedCfg, load_state_dict
from timm.models._hub import download_cached_file, download_from_hf
from torch import Tensor

from lightweight_ssd.system.file_lock import lock_run

__all__ = ["PRETRAINED", "TrainedWeights", "find_weights", "read_tensors", "weights_of_file"]

PRETRAINED = "pretrained"  # in place of a file: the weights that were published with the network
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")  # timm's order


class TrainedWeights(NamedTuple):
    """Weights of a network and what its images must look like.

    Attributes:
        tensors: By name.
        source: Where they come from: the file as given, or its place on the hub.
        file: Where they lie on this machine.
        mean: Of red, green and blue, 0 to 255, that training subtracted.
        std: Of red, green and blue, 0 to 255, that training divided by.
    """

    tensors: dict[str, Tensor]
    source: str
    file: Path
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def sha256(self) -> str:
        """Of the file, in hexadecimal."""
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def find_weights(name: str, setting: str) -> TrainedWeights:
    """The weights that `backbone.weights` asks for.

    Args:
        name: Of the network in timm, with or without the tag of its weights (`mobilenetv2_100.ra_in1k`).
        setting: `pretrained`, or a local file.

    Raises:
        ValueError: If nobody published weights of this network, they cannot be fetched, or the file holds none.
        FileNotFoundError: If there is no such file.
    """
    if setting != PRETRAINED:
        return weights_of_file(name, Path(setting))
    published = timm.get_pretrained_cfg(name)
    if published is None or not published.has_weights or published.custom_load:
        raise ValueError(
            f"Expected a network with published weights for backbone.weights=pretrained but timm names none for "
            f"{name}: choose one of timm.list_pretrained(), or give a local file."
        )
    file, source = _fetched(published)
    return _with_normalization(published, read_tensors(file), source, file)


def weights_of_file(name: str, path: Path) -> TrainedWeights:
    """The weights in a local file, with the normalization that timm knows for the network."""
    return _with_normalization(timm.get_pretrained_cfg(name) or PretrainedCfg(), read_tensors(path), str(path), path)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name; nothing in it is run.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a file of weights.
    """
    if not path.is_file():
        raise FileNotFoundError(f"backbone.weights={path} is not a file; give a local file of weights.")
    try:
        content: Mapping[str, object] = load_state_dict(str(path), weights_only=True)
    except Exception as error:
        raise ValueError(
            f"backbone.weights={path} is not a file of weights, or is incomplete; give another one."
        ) from error
    return {key: value for key, value in content.items() if isinstance(value, Tensor)}


def _with_normalization(known: PretrainedCfg, tensors: dict[str, Tensor], source: str, file: Path) -> TrainedWeights:
    mean, std = (tuple(round(255 * value, 4) for value in values) for values in (known.mean, known.std))
    return TrainedWeights(tensors, source, file, mean, std)


def _fetched(published: PretrainedCfg) -> tuple[Path, str]:
    """The published file in timm's cache and where it is from; one process of a machine fetches, the others wait."""
    if published.hf_hub_id is None:
        url = str(published.url)
        return _once(lambda: download_cached_file(url), url, Path(url).name), url
    names = (published.hf_hub_filename,) if published.hf_hub_filename else _HUB_FILES
    repository = published.hf_hub_id.partition("@")[0]
    for name in names:
        try:
            url = hf_hub_url(repository, name)
            return _once(lambda name=name: download_from_hf(str(published.hf_hub_id), name), url, name), url
        except EntryNotFoundError as error:
            if isinstance(error, LocalEntryNotFoundError):
                raise
    raise ValueError(f"Expected one of {', '.join(names)} in {repository} but it has neither: give a local file.")


def _once(fetch: Callable[[], str], url: str, name: str) -> Path:
    """What one process fetches; the sentence for a machine without the network says what to fetch by hand."""
    locks = Path(constants.HF_HUB_CACHE)
    try:
        locks.mkdir(parents=True, exist_ok=True)
        with lock_run(locks, hashlib.sha256(url.encode()).hexdigest()[:16], lambda _: None, every=0.2):
            return Path(fetch())
    except EntryNotFoundError as error:
        if not isinstance(error, LocalEntryNotFoundError):
            raise  # the hub answers, but has no such file
        raise _unreachable(url, name, error) from error
    except Exception as error:  # whatever the client, its connection or the disk had to say
        raise _unreachable(url, name, error) from error


def _unreachable(url: str, name: str, error: Exception) -> ValueError:
    reason = type(error.__cause__ or error).__name__
    return ValueError(
        f"Expected to download the weights for backbone.weights=pretrained but {url} cannot be had ({reason}): "
        f"fetch {name} from there on another machine and give backbone.weights=FILE."
    )
