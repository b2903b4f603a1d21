"""Exports: a checkpoint as a file for ONNX Runtime, OpenVINO and other runtimes, equal to it within stated limits.

The package can be called: `lssd.export(...)` is `export.export(...)`; see `report` for why.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightweight_ssd.export.export import Exported


class _CallablePackage(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> "Exported":
        """Writes a file; for the arguments see `export.export`."""
        from lightweight_ssd.export.export import export

        return export(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
