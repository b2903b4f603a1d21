"""`import lightweight_ssd`: fast, without PyTorch, and every name that it offers exists."""

import subprocess
import sys

import pytest

import lightweight_ssd
from lightweight_ssd import _EXPORTS

HEAVY = ("torch", "torchvision", "lightning", "hydra", "omegaconf", "numpy", "cv2", "albumentations", "matplotlib")


@pytest.mark.parametrize("name", [*_EXPORTS, "report"])
def test_every_name_is_there(name: str) -> None:
    value = getattr(lightweight_ssd, name)
    assert callable(value) and value.__doc__
    assert name in dir(lightweight_ssd)


def test_the_import_loads_nothing_heavy() -> None:
    code = f"import sys, lightweight_ssd as lssd; dir(lssd); print([each for each in {HEAVY} if each in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout == "[]\n"


def test_what_there_is_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        lightweight_ssd.trian  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]
