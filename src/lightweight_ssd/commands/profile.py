"""`lssd profile`: what a detector costs, in parameters, MACs and milliseconds."""

import re
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.config.arguments import call

if TYPE_CHECKING:  # torch takes seconds to import, which `--help` should not
    from lightweight_ssd.profiling.profile import DetectorProfile

__all__ = ["main", "table"]

_GROUPS = ("backbone", "neck", "classification", "loss", "criterion", "optim", "detector")


def main() -> None:
    """Entry point of `lssd profile`."""
    run_application(_run, "profile", "lssd profile", lambda _: "checkpoint")


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.profiling.profile import profile

    print(table(call(profile, _arguments(cfg)), cfg.output))


def _arguments(cfg: DictConfig) -> DictConfig:
    """The function's arguments: of the groups the whole detector, and with a checkpoint only what was typed."""
    typed = {re.split("[=.@]", override.lstrip("+~"))[0] for override in HydraConfig.get().overrides.task}
    settings = {key: cfg[key] for key in cfg if key not in _GROUPS}
    wanted = cfg.checkpoint is None or typed & set(_GROUPS)
    detector = OmegaConf.to_container(cfg.detector, resolve=True) if wanted else None
    return OmegaConf.create({**settings, "detector": detector})


def table(profile: "DetectorProfile", output: str | None = None) -> str:
    """What the terminal shows of a detector's profile."""
    height, width = profile.input_size
    neck = "(no neck)" if profile.neck_class == "NoNeck" else f"+ {profile.neck_class}"
    what = f"{profile.checkpoint}: " if profile.checkpoint else ""
    lines = [
        f"{what}{profile.backbone_class} {neck}, {profile.classes} classes, input {width}×{height}, "
        f"{profile.anchors:,} anchors",
        "",
        f"{'':9}{'parameters':>12}{'GMACs':>25}",
        *(_row(name, part, profile) for name, part in profile.parts.items()),
        _row("total", {"parameters": profile.parameters, "macs": profile.macs}, profile),
        "",
        f"{'ms':9}{'median':>12}{'10th to 90th percentile':>27}",
        _times("forward", profile.latency_ms, profile.latency_p10_ms, profile.latency_p90_ms),
        _times("predict", profile.predict_latency_ms, profile.predict_latency_p10_ms, profile.predict_latency_p90_ms)
        + "  (forward and post-processing)",
        f"batch size 1, repeats: {profile.repeats}, {_where(profile)}",
    ]
    return "\n".join([*lines, f"written to {output}"] if output else lines)


def _row(name: str, part: dict[str, int], profile: "DetectorProfile") -> str:
    weights, macs = part["parameters"], part["macs"]
    shares = [f"{weights / max(profile.parameters, 1):8.1%}", f"{macs / max(profile.macs, 1):8.1%}"]
    return f"{name:9}{weights:12,}{shares[0]}{macs / 1e9:9.3f}{shares[1]}"


def _times(name: str, median: float, low: float, high: float) -> str:
    return f"{name:9}{median:12.2f}{f'{low:.2f} to {high:.2f}':>27}"


def _where(profile: "DetectorProfile") -> str:
    threads = f"{profile.threads} thread{'s' if profile.threads > 1 else ''}"
    return f"{profile.device}, {threads}, PyTorch {profile.torch}"
