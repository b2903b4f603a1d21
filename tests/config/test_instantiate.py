"""A part is built from its node, and speaks for itself where it cannot be."""

import subprocess
import sys

import pytest
from hydra.errors import InstantiationException

from lightweight_ssd.config.instantiate import build


def test_a_part_speaks_for_itself() -> None:
    """The user reads the part's own sentence, not Hydra's wrapping of it."""
    with pytest.raises(ValueError, match=r"^Expected schedule\.warmup_steps"):
        build({"_target_": "lightweight_ssd.training.schedule.WarmupCosine", "warmup_steps": -1})


def test_a_setting_that_a_part_does_not_take_is_one_sentence() -> None:
    said = r"^Expected settings that lightweight_ssd\.training\.schedule\.WarmupCosine takes, but .*no_such_setting"
    with pytest.raises(ValueError, match=said):
        build({"_target_": "lightweight_ssd.training.schedule.WarmupCosine", "no_such_setting": 1})


def test_what_a_framework_refuses_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"^Expected settings that lightning\.pytorch\..*Trainer takes, but .*devices"):
        build({"_target_": "lightning.pytorch.Trainer", "accelerator": "cpu", "devices": 0})


def test_a_class_that_is_not_there_is_told_with_its_place() -> None:
    with pytest.raises(InstantiationException, match="NoSuchClass"):
        build({"_target_": "lightweight_ssd.training.schedule.NoSuchClass"})


def test_it_costs_no_import_of_pytorch() -> None:
    code = "import sys, lightweight_ssd.config.instantiate; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout == "False\n"
