"""Shapes in signatures are checked under pytest only; one thread each, so that two workers fit two cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("WANDB_MODE", "offline")

from jaxtyping import install_import_hook

install_import_hook("lightweight_ssd", "beartype.beartype")
