"""Networks of timm as parts of a detector: built by name, with trained weights or random ones."""

import logging
from difflib import get_close_matches
from typing import Any, NamedTuple

import timm
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn

from lightweight_ssd.layers.timm_weights import TrainedWeights, find_weights

__all__ = ["LoadedWeights", "create_timm_model", "epsilon_of", "loaded_weights"]

log = logging.getLogger(__name__)
_RANDOM_EPS = 1e-3  # of a network with random weights, as everywhere else in the detector


class LoadedWeights(NamedTuple):
    """What a network has taken from trained weights.

    Attributes:
        source: The file as given, or its place on the hub.
        file: Where it lies on this machine.
        sha256: Of the file.
        tensors: Number of tensors that were loaded: all of the network.
        not_loaded: What the file holds beyond them, by the first two parts of the names.
        mean: Of red, green and blue, 0 to 255, that the weights expect the detector to subtract.
        std: The same, to divide by.
    """

    source: str
    file: str
    sha256: str
    tensors: int
    not_loaded: list[str]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def create_timm_model(
    name: str, weights: str | TrainedWeights | None, norm_momentum: float, norm_eps: float | None, **options: Any
) -> nn.Module:
    """Build one of timm's networks.

    A normalization that timm fuses with its activation is taken apart into the two: PyTorch's conversion to
    synchronized batch normalization would silently drop the activation.

    Args:
        name: Name of the network in timm, as `timm.list_models()` gives it.
        weights: Local file of timm's weights for this network (.pth, .bin, .safetensors); `pretrained` = those that
            timm names, downloaded; or weights that were read already; None = random weights.
        norm_momentum: Share of the newest batch in the running statistics of every batch normalization, 0 to 1.
        norm_eps: Number that every batch normalization adds to the variance; None = that of the weights, or 0.001 for
            random ones.
        options: Options of `timm.create_model`, such as `features_only`.

    Raises:
        ValueError: If timm has no such network or not with these options, or if the weights do not fit it or cannot
            be had.
        FileNotFoundError: If there is no such file of weights.
    """
    if not timm.is_model(name):
        near = ", ".join(get_close_matches(name, timm.list_models(), 3, 0.5)) or "none"
        raise ValueError(f"Expected the name of a network of timm but got {name!r}; names like it: {near}.")
    try:
        model = timm.create_model(name, pretrained=False, **options)
    except (RuntimeError, AssertionError, AttributeError, IndexError) as error:
        raise ValueError(
            f"Expected a network of timm that can return its levels but got {name!r} ({error})."
        ) from error
    loaded = None
    if weights is not None:
        weights = find_weights(name, weights) if isinstance(weights, str) else weights
        loaded = _load(model, name, weights)
        _warn_of_other_eps(model, name, norm_eps)
    _take_norms_apart(model)
    for norm in _batch_norms(model):
        norm.momentum = norm_momentum
        if norm_eps is not None or loaded is None:
            norm.eps = _RANDOM_EPS if norm_eps is None else norm_eps
    vars(model)["loaded_weights"] = loaded
    return model


def loaded_weights(model: nn.Module) -> LoadedWeights | None:
    """What a network of `create_timm_model` has taken; None for one with random weights."""
    return vars(model).get("loaded_weights")


def epsilon_of(model: nn.Module) -> float:
    """What the batch normalizations of a network add to the variance; the usual one for a network without any."""
    return next((norm.eps for norm in _batch_norms(model)), _RANDOM_EPS)


def _batch_norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


def _take_norms_apart(model: nn.Module) -> None:
    """Replace each fused normalization by a plain one, followed by its activation."""
    for name, child in list(model.named_children()):
        if isinstance(child, BatchNormAct2d):
            setattr(model, name, _apart(child))
        else:
            _take_norms_apart(child)


def _apart(fused: Any) -> nn.Sequential:
    """The same normalization and activation as two layers."""
    norm = nn.BatchNorm2d(
        fused.num_features, fused.eps, affine=fused.affine, track_running_stats=fused.track_running_stats
    )
    norm.load_state_dict(fused.state_dict())
    return nn.Sequential(norm, *(layer for layer in (fused.drop, fused.act) if not isinstance(layer, nn.Identity)))


def _load(model: nn.Module, name: str, weights: TrainedWeights) -> LoadedWeights:
    """Copy every tensor of the model from the weights, and say what they had beyond them."""
    source, wanted = weights.source, _without_counters(model.state_dict())
    content = _without_counters(weights.tensors)
    names = {key: _name_in_model(key, wanted) for key in content}
    found = {names[key]: value for key, value in content.items()}
    wrong = [key for key, value in wanted.items() if key not in found or found[key].shape != value.shape]
    if wrong:
        raise ValueError(
            f"Expected backbone.weights={source} to hold every tensor of {name} but {len(wrong)} of {len(wanted)} are "
            f"missing or of another shape, {wrong[0]} among them; give a file of this very network."
        )
    model.load_state_dict({key: found[key] for key in wanted}, strict=False)
    unused = sorted({".".join(key.split(".")[:2]) for key in content if names[key] not in wanted})
    log.info("backbone.weights=%s: loaded all %d tensors of %s", source, len(wanted), name)
    log.info("backbone.weights=%s: not loaded, since the backbone does not use them: %s", source, unused or "none")
    log.info("backbone.weights=%s: they expect images of mean %s and deviation %s", source, weights.mean, weights.std)
    file, digest = str(weights.file.absolute()), weights.sha256()
    return LoadedWeights(source, file, digest, len(wanted), unused, weights.mean, weights.std)


def _without_counters(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Old files lack the normalizations' counts of batches, which only an average over all batches would use."""
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}


def _name_in_model(name: str, wanted: dict[str, Tensor]) -> str:
    """A tensor's name in the feature extractor: timm wraps the network there, or joins the first two parts of it."""
    return next((key for key in (name, f"model.{name}", name.replace(".", "_", 1)) if key in wanted), name)


def _warn_of_other_eps(model: nn.Module, name: str, norm_eps: float | None) -> None:
    """Trained weights fit the epsilon that they were trained with, which shows where a channel's variance is small."""
    own = sorted({norm.eps for norm in _batch_norms(model)} - {norm_eps})
    if norm_eps is not None and own:
        log.warning("backbone.norm_eps=%g, but timm has %g for %s; its weights expect that", norm_eps, own[0], name)
