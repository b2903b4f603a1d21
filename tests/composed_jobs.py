"""The jobs of an experiment, composed as `lssd train -m` would; the caller has initialized Hydra with the configs."""

from functools import cache
from typing import Any, NamedTuple

import torch
from hydra import compose
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from lightweight_ssd.checkpoint.load import build_detector
from lightweight_ssd.profiling.complexity import complexity
from lightweight_ssd.runs.content import content_hash


class Job(NamedTuple):
    """A composed run."""

    choices: dict[str, str]
    wiring: dict[str, Any]  # with interpolations, so that each setting stands in one place
    config: dict[str, Any]  # resolved
    sweeper: dict[str, Any]

    @property
    def content(self) -> str:
        return content_hash(self.config)


@cache
def job_of(*overrides: str) -> Job:
    cfg = compose("train", ["experiment_name=test", *overrides], return_hydra_config=True)
    choices, sweeper = dict(cfg.hydra.runtime.choices), OmegaConf.to_container(cfg.hydra.sweeper, resolve=False)
    OmegaConf.set_struct(cfg, False)
    OmegaConf.set_readonly(cfg, False)
    del cfg["hydra"]
    wiring, config = (OmegaConf.to_container(cfg, resolve=resolve) for resolve in (False, True))
    return Job(choices, wiring, config, sweeper)  # pyright: ignore[reportArgumentType]


def jobs_of(experiment: str, *typed: str) -> list[Job]:
    """All jobs of `lssd train -m experiment=… …`, taken apart by Hydra's own sweeper."""
    grid = job_of(f"experiment={experiment}").sweeper["params"]
    asked = [*(f"{key}={value}" for key, value in grid.items()), f"experiment={experiment}", *typed]
    overrides = OverridesParser.create().parse_overrides(asked)
    return [job_of(*job) for job in BasicSweeper.split_arguments(overrides, None)[0]]


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    """Values by dotted key."""
    if not isinstance(node, dict):
        return {prefix: node}
    return {
        key: leaf for name, child in node.items() for key, leaf in flat(child, f"{prefix}.{name}"[not prefix :]).items()
    }


def cost_of(job: Job, classes: int = 20) -> dict[str, Any]:
    """Parameters, MACs and anchors of a job's detector; no weight of it has a value."""
    with torch.device("meta"):
        detector = build_detector(job.config, [str(label) for label in range(classes)])
    return complexity(detector, job.config["image_size"])
