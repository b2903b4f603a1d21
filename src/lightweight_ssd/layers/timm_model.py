"""Networks of timm as parts of a detector: built by name, weights from a local file, nothing is ever downloaded."""

import logging
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import timm
from timm.layers.norm_act import BatchNormAct2d
from timm.models import load_state_dict
from torch import Tensor, nn

__all__ = ["create_timm_model"]

log = logging.getLogger(__name__)


def create_timm_model(
    name: str, weights: str | None, norm_momentum: float, norm_eps: float, **options: Any
) -> nn.Module:
    """Build one of timm's networks.

    A normalization that timm fuses with its activation is taken apart into the two: PyTorch's conversion to
    synchronized batch normalization would silently drop the activation.

    Args:
        name: Name of the network in timm, as `timm.list_models()` gives it.
        weights: Local file of timm's weights for this network (.pth, .bin, .safetensors); None = random weights.
        norm_momentum: Share of the newest batch in the running statistics of every batch normalization, 0 to 1.
        norm_eps: Number that every batch normalization adds to the variance.
        options: Options of `timm.create_model`, such as `features_only`.

    Raises:
        ValueError: If timm has no such network or not with these options, or if the weights do not fit it.
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
    if weights is not None:
        _load(model, name, Path(weights))
        _warn_of_other_eps(model, name, norm_eps)
    _take_norms_apart(model)
    for norm in _batch_norms(model):
        norm.momentum, norm.eps = norm_momentum, norm_eps
    return model


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
    norm = nn.BatchNorm2d(fused.num_features, affine=fused.affine, track_running_stats=fused.track_running_stats)
    norm.load_state_dict(fused.state_dict())
    return nn.Sequential(norm, *(layer for layer in (fused.drop, fused.act) if not isinstance(layer, nn.Identity)))


def _load(model: nn.Module, name: str, path: Path) -> None:
    """Copy every tensor of the model from the file, and say what the file had beyond them."""
    wanted = _without_counters(model.state_dict())
    content = _without_counters(_read(path))
    names = {key: _name_in_model(key, wanted) for key in content}
    found = {names[key]: value for key, value in content.items()}
    wrong = [key for key, value in wanted.items() if key not in found or found[key].shape != value.shape]
    if wrong:
        raise ValueError(
            f"Expected backbone.weights={path} to hold every tensor of {name} but {len(wrong)} of {len(wanted)} are "
            f"missing or of another shape, {wrong[0]} among them; give a file of this very network."
        )
    model.load_state_dict({key: found[key] for key in wanted}, strict=False)
    unused = sorted({".".join(key.split(".")[:2]) for key in content if names[key] not in wanted})
    log.info("backbone.weights=%s: loaded all %d tensors of %s", path, len(wanted), name)
    log.info("backbone.weights=%s: not loaded, since the backbone does not use them: %s", path, unused or "none")


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file; nothing in it is run."""
    if not path.is_file():
        raise FileNotFoundError(f"backbone.weights={path} is not a file; give a local file of weights.")
    try:
        content = load_state_dict(str(path), weights_only=True)
    except Exception as error:
        raise ValueError(
            f"backbone.weights={path} is not a file of weights, or is incomplete; give another one."
        ) from error
    return {key: value for key, value in content.items() if isinstance(value, Tensor)}


def _without_counters(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Old files lack the normalizations' counts of batches, which only an average over all batches would use."""
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}


def _name_in_model(name: str, wanted: dict[str, Tensor]) -> str:
    """A tensor's name in the feature extractor: timm wraps the network there, or joins the first two parts of it."""
    return next((key for key in (name, f"model.{name}", name.replace(".", "_", 1)) if key in wanted), name)


def _warn_of_other_eps(model: nn.Module, name: str, norm_eps: float) -> None:
    """Trained weights fit the epsilon that they were trained with, which shows where a channel's variance is small."""
    own = sorted({norm.eps for norm in _batch_norms(model)} - {norm_eps})
    if own:
        log.warning("backbone.norm_eps=%g, but timm has %g for %s; its weights expect that", norm_eps, own[0], name)
