"""OpenVINO and NNCF leave no identifier in the user's home folder when this package imports them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WORK = """
from lightweight_ssd.system.telemetry import forbid_telemetry
{call}
import numpy as np, openvino, nncf
import openvino.opset15 as ops
images = ops.parameter([1, 3, 8, 8], np.float32, "images")
weights = ops.constant(np.ones((4, 3, 3, 3), np.float32))
found = ops.convolution(images, weights, [1, 1], [0, 0], [0, 0], [1, 1])
model = openvino.Model([found], [images], "small")
nncf.quantize(model, nncf.Dataset([np.ones((1, 3, 8, 8), np.float32)]), subset_size=1)
"""


def _files_of(home: Path, call: str) -> set[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "NNCF_CI")}
    ran = subprocess.run(
        [sys.executable, "-c", WORK.format(call=call)],
        env={**environment, "HOME": str(home)}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return {path.name for path in home.rglob("*") if path.is_file() and "cid" in path.name}


@pytest.mark.slow
def test_nothing_is_reported(tmp_path: Path) -> None:
    assert _files_of(tmp_path, "forbid_telemetry()") == set()
