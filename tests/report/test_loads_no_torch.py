"""A whole report, its pictures and its page included, is made without PyTorch and what comes with it."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.run_folders import write_table

HEAVY = ("torch", "lightning", "torchvision", "torchmetrics", "albumentations", "timm", "wandb", "faster_coco_eval")
CODE = f"""
import sys
from lightweight_ssd.cli import main
try:
    main()
finally:
    print("loaded:", *sorted(set({HEAVY}) & set(sys.modules)))
"""


@pytest.mark.slow
def test_a_report_loads_no_torch(tmp_path: Path) -> None:
    write_table(tmp_path / "runs")
    command = [sys.executable, "-c", CODE, "report", "resamples=20"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300)
    assert (tmp_path / "report" / "plots" / "differences.svg").is_file()
    assert (tmp_path / "report" / "index.html").is_file() and "analyzing run 6 of 6" in ended.stderr
    assert ended.stdout.splitlines()[-1].split() == ["loaded:"]
