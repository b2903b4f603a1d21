"""LiteRT's converter has an environment of its own, which is not here: what is said without it, or when it fails."""

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.exported_files import write_file

from lightweight_ssd.export.litert import LiteRT
from lightweight_ssd.runtimes.runtime import load_runtime


@pytest.mark.slow
def test_a_conversion_that_fails_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"Expected litert-torch to convert .* No module named 'litert_torch'"
    ) as error:
        write_file(LiteRT(sys.executable), tmp_path, batch=1)
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("python", "asked", "said"),
    [
        (
            None,
            ("fp32", 1, "uint8"),
            "Expected format.python=PYTHON for format=litert, an interpreter with litert-torch",
        ),
        (
            "/no/such/python",
            ("fp32", 1, "uint8"),
            "Expected an interpreter with litert-torch for format.python but /no/",
        ),
        (sys.executable, ("fp32", 1, "uint8"), "Expected an interpreter with litert-torch for format.python but "),
        (None, ("int8", 1, "uint8"), "Expected precision=fp32 for format=litert but got int8"),
        (None, ("fp32", None, "uint8"), "Expected batch=N for format=litert"),
    ],
)
def test_what_it_needs_is_said(
    python: str | None, asked: tuple[Any, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LiteRT, "packages", {})
    with pytest.raises(ValueError) as error:
        LiteRT(python).expect(*asked)
    assert str(error.value).startswith(said)


def test_without_the_package_that_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    from tests.small_onnx import small_card

    from lightweight_ssd.runtimes.card import write_card

    path = tmp_path / "a.tflite"
    path.touch()
    write_card(small_card(format="litert"), path)
    with pytest.raises(ValueError, match=r"Expected the package ai_edge_litert.*lightweight-ssd\[litert\]"):
        load_runtime(path)
