"""What may change a metric but not the name of the folder is noted and compared."""

from pathlib import Path

import pytest
from tests.running import smoke_config

from lightweight_ssd.runs.conditions import CONDITIONS, changed_conditions, recorded_conditions
from lightweight_ssd.runs.identity import conditions_note, continued, identify
from lightweight_ssd.system.json_file import write_json


def _identity(tmp_path: Path, *overrides: str) -> dict:
    """Of a run in whose configuration the memory order is settled, as it is before a run begins."""
    return identify(smoke_config(tmp_path, "channels_last=false", *overrides), {}, [])


def test_an_order_that_is_left_to_a_measurement_is_no_other_condition(tmp_path: Path) -> None:
    asked = identify(smoke_config(tmp_path), {}, [])["conditions"]
    assert changed_conditions(asked, _identity(tmp_path)["conditions"]) == ("", "")


def test_all_conditions_are_noted(tmp_path: Path) -> None:
    conditions = _identity(tmp_path)["conditions"]
    assert tuple(conditions) == CONDITIONS and conditions["compile"] is False
    assert conditions["data.root"] == str(tmp_path / "data")


@pytest.mark.parametrize(
    ("override", "before"),
    [
        ("compile=true", "compile=false"),
        ("channels_last=true", "channels_last=false"),
        ("trainer.devices=2", "trainer.devices=1"),
        ("trainer.accelerator=auto", "trainer.accelerator=cpu"),
    ],
)
def test_a_run_that_goes_on_under_other_conditions_says_so_and_notes_both(
    tmp_path: Path, override: str, before: str
) -> None:
    first, said = _identity(tmp_path), []
    write_json(tmp_path / "identity.json", first)
    assert continued(_identity(tmp_path), tmp_path, said.append).get("earlier_conditions") is None and not said
    second = continued(_identity(tmp_path, override), tmp_path, said.append)
    assert said == [
        f"This run goes on with {override}; until now it was trained with {before}. identity.json notes both."
    ]
    assert second["earlier_conditions"] == [first["conditions"]]
    write_json(tmp_path / "identity.json", second)
    third = continued(_identity(tmp_path, override), tmp_path, said.append)
    assert third["earlier_conditions"] == [first["conditions"]] and len(said) == 1
    note = conditions_note(smoke_config(tmp_path, "channels_last=false"), tmp_path)
    assert note == f"It was trained with {override} and not with {before}; resume=never trains it again."


@pytest.mark.parametrize("content", ["", "[]", '{"conditions": 3}', '{"conditions": null}'])
def test_a_run_that_noted_nothing_is_compared_with_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "identity.json").write_text(content)
    assert recorded_conditions(tmp_path) == ({}, [])
    assert changed_conditions({"compile": True}, {}) == ("", "")
