"""Reports: run folders to rows, their comparison, tables, plots and one page.

The package can be called: `lssd.report(...)` is `build.build_report(...)`. A function of that name in the parent
package would not last, since the import of any module in here puts the package in its place.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightweight_ssd.report.build import Report


class _CallablePackage(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> "Report":
        """Builds a report; for the arguments see `build.build_report`."""
        from lightweight_ssd.report.build import build_report

        return build_report(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
