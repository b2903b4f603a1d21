"""Shapes in signatures are checked under pytest only; nothing depends on chance, load or the test before.

No test writes into the user's caches: those of ours are new for each session. Matplotlib's list of fonts, which takes
seconds to make, is kept in the folder of temporary files.

One thread each, so that two workers fit two cores. Hypothesis draws the same examples every time and gives a slow
machine all the time it needs; every other source of random numbers begins at the same place for each test.
"""

import logging
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("WANDB_MODE", "offline")
os.environ["XDG_CACHE_HOME"] = os.environ.get("CACHE_OF_THE_TESTS") or tempfile.mkdtemp(prefix="lightweight-ssd-tests-")
os.environ["CACHE_OF_THE_TESTS"] = os.environ["XDG_CACHE_HOME"]  # the workers of xdist inherit it
os.environ.setdefault("MPLCONFIGDIR", str(Path(tempfile.gettempdir()) / f"lightweight-ssd-fonts-{os.getuid()}"))

import numpy as np
import pytest
import torch
from absl import logging as absl_logging
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from jaxtyping import install_import_hook

install_import_hook("lightweight_ssd", "beartype.beartype")

from tests.run_server import RunServer  # noqa: E402

# A shell takes Ctrl-C from what it puts into the background, and whatever the tests start would not have it either
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Packages of exports bring it. When Hydra sets up its logging it closes any stream but the real one, also pytest's
absl_logging.get_absl_handler().python_handler.stream = sys.__stderr__

_PRINT_OPTIONS = np.get_printoptions()  # some detectors to compare with change them for good
_SET_BY_A_RUN = ("CUBLAS_WORKSPACE_CONFIG", "PL_GLOBAL_SEED", "PL_SEED_WORKERS")

settings.register_profile(
    "same", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # new cases each time
settings.load_profile("same")  # pytest --hypothesis-profile=search looks for others
# It also takes numbers out of our modules, of those that happen to be imported already: other ones in each process
vars(providers)["_get_local_constants"] = lambda: providers._local_constants


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no worker begins one when the others have nothing left to do."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    np.set_printoptions(**_PRINT_OPTIONS)
    items.sort(key=lambda item: item.path not in slow)


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Before the fixtures: which test of a module comes first, and builds what the others share, may vary."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of the random faults, which this process alone sees whole."""
    from tests.reliability.record import summary

    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    lines = summary([each for report in reports for each in getattr(report, "user_properties", ())])
    if lines:
        terminalreporter.section("random faults")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """A run in this process sets for good what a process of its own would take along when it ends."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    deterministic, level = torch.are_deterministic_algorithms_enabled(), logging.root.level
    environment = {name: os.environ.get(name) for name in _SET_BY_A_RUN}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    torch.use_deterministic_algorithms(deterministic)
    logging.root.setLevel(level)
    np.set_printoptions(**_PRINT_OPTIONS)
    for name, value in environment.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@pytest.fixture(scope="session")
def server() -> Iterator[RunServer]:
    """Starts commands in processes of their own, without the seconds that a fresh interpreter imports."""
    with RunServer() as started:
        yield started
