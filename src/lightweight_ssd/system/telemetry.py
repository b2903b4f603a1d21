"""Runtimes that would tell a server that they were imported do not when this package imports them.

`import openvino` reports itself to its maker, with an identifier that it writes into the user's home folder, unless it
was forbidden to; NNCF reports each quantization.
"""

import os
import sys
from typing import Any

__all__ = ["forbid_telemetry"]


def forbid_telemetry() -> None:
    """Keeps OpenVINO and NNCF from reporting anything in this process; call it before they are imported.

    The package that sends is taken for missing, for which both have a way around.
    """
    modules: dict[str, Any] = sys.modules  # pyright: ignore[reportAssignmentType]
    modules.setdefault("openvino_telemetry", None)
    os.environ.setdefault("NNCF_CI", "1")
