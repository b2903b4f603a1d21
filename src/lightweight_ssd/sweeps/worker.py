"""A process in which a launcher does jobs ends with the sweep, even if the sweep was killed; its run then ends with it.

Joblib's and submitit's workers go on with a job, and with those that wait for them, when nobody wants the answer any
more. On a cluster that is meant: what is queued there outlives the process that queued it.
"""

import json
import os
import threading
import time
from typing import Any

from lightweight_ssd.system.process import is_running, process_record

__all__ = ["SWEEP_VARIABLE", "end_with_sweep", "name_sweep"]

SWEEP_VARIABLE = "LSSD_SWEEP_PROCESS"
"""Environment variable by which the processes that a launcher starts know which process is the sweep."""

_SECONDS = 0.5  # between two looks at the sweep
_THREAD = "sweep-watch"


def name_sweep(launcher: str) -> None:
    """Says in the environment that this process is the sweep.

    Args:
        launcher: `_target_` of the launcher; SLURM's jobs are not told.
    """
    os.environ.pop(SWEEP_VARIABLE, None)  # of an outer sweep
    if not launcher.endswith("SlurmLauncher"):
        os.environ[SWEEP_VARIABLE] = json.dumps(process_record())


def end_with_sweep() -> None:
    """Ends this process as soon as the sweep has ended; called where a job begins.

    Does nothing in the sweep's own process, on another machine, and where no sweep is named.
    """
    sweep = json.loads(os.environ.get(SWEEP_VARIABLE, "{}"))
    if sweep.get("pid") in (None, os.getpid()):
        return
    running = is_running(sweep)
    if running is False:  # a job that waited in this process
        os._exit(1)
    if running and not any(each.name == _THREAD for each in threading.enumerate()):
        threading.Thread(target=_watch, args=(sweep,), daemon=True, name=_THREAD).start()


def _watch(sweep: dict[str, Any]) -> None:
    while is_running(sweep) is not False:
        time.sleep(_SECONDS)
    os._exit(1)  # the pipe to the run closes, which then stops with a checkpoint
