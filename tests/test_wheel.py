"""The wheel brings the configs along, and the command works from it alone."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.slow
def test_wheel_holds_package_and_configs_and_runs(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", tmp_path, REPOSITORY], check=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    site = tmp_path / "site"
    written = {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "conf").rglob("*.yaml")}
    assert written == {
        str(path.relative_to(site / "lightweight_ssd")) for path in (site / "lightweight_ssd" / "conf").rglob("*.yaml")
    }
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import lightweight_ssd.cli as cli; "
        "print(cli.__file__); cli.main()"
    )
    arguments = ["train", "experiment=demo", "--cfg", "job"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ran = subprocess.run(
        [sys.executable, "-c", code, str(site), *arguments],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(str(site)) and "lightweight_ssd.neck.cfpn.CFPN" in ran.stdout
