"""`make finetune`: from drawn images to found objects, by the commands that a person runs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_whole_way(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "installed").touch()  # the commands are there already: those of this interpreter
    made = subprocess.run(
        ["make", "finetune", f"BIN={Path(sys.executable).parent}", "STAMP=installed"],
        cwd=tmp_path, capture_output=True, text=True, timeout=1200,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    build = tmp_path / "build" / "finetune"
    test = json.loads((build / "run" / "results.json").read_text())["test"]
    assert test["map_50"] > 0.3, "ImageNet weights and this recipe find drawn shapes after 160 steps"
    evaluated = json.loads((build / "evaluation" / "results.json").read_text())["test"]
    assert evaluated["map_50"] == test["map_50"]
    assert json.loads((build / "run" / "weights.json").read_text())["tensors"] == 240
    predictions = json.loads((build / "predictions" / "predictions.json").read_text())
    assert predictions
