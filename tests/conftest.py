"""Shapes in signatures are checked under pytest only; nothing depends on chance, load or the test before.

One thread each, so that two workers fit two cores. Hypothesis draws the same examples every time and gives a slow
machine all the time it needs; every other source of random numbers begins at the same place for each test.
"""

import os
import random
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("WANDB_MODE", "offline")

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

install_import_hook("lightweight_ssd", "beartype.beartype")

# A shell takes Ctrl-C from what it puts into the background, and whatever the tests start would not have it either
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "same", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Before the fixtures: which test of a module comes first, and builds what the others share, may vary."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
