"""Small files of a run are read by type, whatever they hold."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lightweight_ssd.runs.run_files import Config, Identity, Status
from lightweight_ssd.runs.typed_file import read_list, read_mapping


def _read(path: Path, content: Any, kind: Any = Identity) -> tuple[dict[str, Any], list[str]]:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_mapping(path, kind)


@pytest.mark.parametrize(
    ("wrong", "kept"),
    [
        ({"seed": "0..3", "row": "a"}, {"row": "a"}),
        ({"seed": [1], "choices": {"neck": [1]}, "label": {"a": 1}}, {}),
        ({"seed": 10**30, "overrides": ["neck=fpn", 3], "baseline": "yes"}, {}),
        ({"seed": float("nan"), "content": "", "paper": {"map_50": "74"}}, {}),
        ({"seed": 3, "experiment": 2007, "label": None}, {"seed": 3, "experiment": 2007, "label": None}),
    ],
)
def test_a_value_of_a_wrong_type_is_left_out_with_a_sentence(
    tmp_path: Path, wrong: dict[str, Any], kept: dict[str, Any]
) -> None:
    path = tmp_path / "identity.json"
    found, problems = _read(path, wrong)
    assert found == kept and len(problems) == len(wrong) - len(kept)
    for key in wrong.keys() - kept.keys():
        assert any(f"{path} holds a wrong value at {key}" in problem for problem in problems)


def test_what_is_not_known_stays(tmp_path: Path) -> None:
    found, problems = _read(tmp_path / "status.json", {"state": "running", "later": [1, {"a": None}]}, Status)
    assert found == {"state": "running", "later": [1, {"a": None}]} and problems == []
    assert _read(tmp_path / "status.json", {"state": "banana"}, Status)[0] == {}


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '"text"', "\x00\xff", "[" * 200, '{"a": 1e400', "1" * 5000])
def test_a_file_that_is_no_mapping_is_empty_and_named(tmp_path: Path, text: str) -> None:
    for path in (tmp_path / "identity.json", tmp_path / "config.yaml"):
        found, problems = _read(path, text)
        assert found == {} and len(problems) == 1 and problems[0].startswith(str(path))


def test_what_is_no_file_is_named_and_what_is_not_there_is_not(tmp_path: Path) -> None:
    assert read_mapping(tmp_path / "identity.json") == ({}, [])
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "loop.json").symlink_to("loop.json")
    os.mkfifo(tmp_path / "pipe.json")  # to open it would wait for a writer
    for name in ("folder.json", "loop.json", "pipe.json"):
        found, problems = read_mapping(tmp_path / name)
        assert found == {} and len(problems) == 1, name


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "a: &a {b: *a}",
        "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join(9 * [f'*a{n - 1}'])}]" for n in range(1, 12))]),
    ],
)
def test_yaml_that_never_ends_is_left_out(tmp_path: Path, text: str) -> None:
    found, problems = _read(tmp_path / "config.yaml", text, Config)
    assert found == {} and "nested or repeated without end" in problems[0]


def test_keys_become_text_and_letters_that_no_file_can_hold_are_replaced(tmp_path: Path) -> None:
    found, problems = _read(tmp_path / "config.yaml", "1: one\nnull: [2020-01-01, {2.5: x}]\nrun_dir: /a", Config)
    assert found.keys() == {"1", "None", "run_dir"} and found["None"][1] == {"2.5": "x"} and problems == []
    found, _ = _read(tmp_path / "identity.json", '{"label": "a\\ud800b\\u0000c"}')
    assert found == {"label": "a\ufffdb\ufffdc"}
    assert _read(tmp_path / "config.yaml", "patience: .inf", Config)[0] == {"patience": float("inf")}


def test_a_list_as_text(tmp_path: Path) -> None:
    (tmp_path / "overrides.yaml").write_text("- neck=fpn\n- 3\n")
    assert read_list(tmp_path / "overrides.yaml") == ["neck=fpn", "3"]
    (tmp_path / "overrides.yaml").write_text("{a: ")
    assert read_list(tmp_path / "overrides.yaml") == [] == read_list(tmp_path / "none.yaml")
