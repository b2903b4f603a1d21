"""`benchmarks/overfit.py`: every detector is in it with settings that compose, and the table says what was measured."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from lightweight_ssd.config.compose import choices_of, compose
from lightweight_ssd.config.paths import options_of

FILE = Path(__file__).parent.parent / "benchmarks" / "overfit.py"


@pytest.fixture(scope="module")
def overfit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("overfit", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_detector_is_in_it(overfit: ModuleType) -> None:
    chosen = [
        choices_of(compose(["experiment=overfit", *settings]))["detector"] for settings in overfit.SYSTEMS.values()
    ]
    assert set(chosen) == set(options_of("detector"))


def test_the_table_says_what_was_measured_and_what_was_not(overfit: ModuleType, tmp_path: Path) -> None:
    results, row = tmp_path / "results.csv", dict.fromkeys(overfit.COLUMNS, 1)
    assert "| ssd | not measured |" in overfit.table(results)
    overfit.write_row(
        results, {**row, "system": "ssd", "ap50": 93.5, "steps": 140, "parameters": 4159382, "settings": "a=1"}
    )
    assert "| ssd | 93.5 | 140 | 1 | 4,159,382 | `a=1` |" in overfit.table(results)
