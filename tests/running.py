"""Runs the smoke experiment inside the test process, as `lssd train experiment=smoke` would, and reads its metrics."""

import json
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.training.run import fit_and_measure


def smoke_config(tmp_path: Path, *overrides: str, run_dir: str = "run") -> DictConfig:
    """The smoke experiment, its data shared by the runs of one test."""
    fixed = [f"run_dir={tmp_path / run_dir}", f"data.root={tmp_path / 'data'}", "logger=csv", "deterministic=true"]
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config = compose("train", ["experiment=smoke", "experiment_name=smoke", *fixed, *overrides])
    OmegaConf.set_struct(config, False)
    return config


def smoke_run(tmp_path: Path, *overrides: str, run_dir: str = "run", resume_from: Path | None = None) -> float:
    """Trains and returns mAP; the run folder is `tmp_path / run_dir`."""
    choices: dict[str, Any] = {"backbone": "mblitenet", "neck": "cfpn", "loss": "bll", "augment": "basic"}
    cfg = smoke_config(tmp_path, *overrides, run_dir=run_dir)
    metrics = fit_and_measure(cfg, choices, overrides, resume_from).results.test
    assert metrics is not None and metrics.map_50 is not None
    return metrics.map_50


def metrics_of(run: Path) -> dict[str, Any]:
    """What two runs of the same content have in common in their `results.json`, however often they were cut off."""
    results = json.loads((run / "results.json").read_text())
    names = ("steps", "epochs", "total_batch", "learning_rate", "last_validation", "best_validation")
    return {"test": results["test"], **{name: results["training"][name] for name in names}}
