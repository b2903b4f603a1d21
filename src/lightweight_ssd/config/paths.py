"""Where the Hydra configs lie: beside the package in a wheel, at the top of the repository in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]

CONF_DIR = next(
    (path for path in (_PACKAGE / "conf", _PACKAGE.parents[1] / "conf") if path.is_dir()), _PACKAGE / "conf"
)
