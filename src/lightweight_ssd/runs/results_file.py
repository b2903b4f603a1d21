"""`results.json` written, read back and described by a JSON schema.

A file may be older or newer than this code: keys that it does not know are passed over, those that are missing are
None. A value of the wrong type costs that value alone, and is reported in a sentence.
"""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from lightweight_ssd.runs.files import RESULTS_FILE
from lightweight_ssd.runs.results import RunResults
from lightweight_ssd.runs.typed_file import read_mapping, without_wrong_values
from lightweight_ssd.system.json_file import write_json

__all__ = ["load_results", "read_results", "results_of", "results_schema", "write_results"]


def results_of(content: dict[str, Any]) -> RunResults:
    """The record of plain containers and of parts of it.

    Raises:
        msgspec.ValidationError: A value is of another type than the record has.
    """
    return msgspec.convert(content, RunResults)


def write_results(run_dir: Path, results: RunResults) -> None:
    """Writes `results.json`.

    Raises:
        NotWritten: The disk is full or cannot be written; what the file held before is untouched.
    """
    write_json(run_dir / RESULTS_FILE, msgspec.to_builtins(results))


def read_results(run_dir: Path) -> RunResults:
    """A run's results; empty before it has any.

    Raises:
        ValueError: The file is not whole, or holds a value of the wrong type.
    """
    results, problems = load_results(run_dir / RESULTS_FILE)
    if problems:
        raise ValueError(f"Expected whole results, but {problems[0]} Evaluate the checkpoint again.")
    return results


def load_results(path: Path) -> tuple[RunResults, list[str]]:
    """Reads what can be read of a file of results.

    Returns:
        The results, empty where there is no such file or it is not whole; and a sentence for each thing left out.
    """
    content, problems = read_mapping(path)
    problems += [
        f"{path} holds an impossible value at {'.'.join(keys)} ({_take(content, keys)}), which was left out."
        for keys in list(_impossible(content))
    ]
    problems += without_wrong_values(content, RunResults, path)
    return results_of(content), problems


_LIMITS = {("test",): 1.0, ("val",): 1.0, ("test_gray",): 1.0} | dict.fromkeys(
    [("parameters",), ("macs",), ("latency",), ("training", "seconds")], 1e15
)
_ROUNDING = 1e-6


def _impossible(content: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Where a number stands that nothing can have measured: a share above 1, a negative time, NaN."""
    for keys, limit in _LIMITS.items():
        node: Any = content
        for key in keys:
            node = node.get(key) if isinstance(node, dict) else None
        yield from _beyond(node, limit, keys)


def _beyond(node: Any, limit: float, keys: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(node, dict):
        for key, item in node.items():
            yield from _beyond(item, 1e15 if key == "objects" else limit, (*keys, key))
    elif isinstance(node, int | float) and not 0 <= node <= limit + _ROUNDING:
        yield keys


def _take(content: dict[str, Any], keys: tuple[str, ...]) -> Any:
    """Takes a value out and returns it."""
    node = content
    for key in keys[:-1]:
        node = node[key]
    return node.pop(keys[-1])


def results_schema() -> str:
    """The JSON schema of `results.json`, as `docs/results_schema.json` holds it."""
    schema = msgspec.json.schema(RunResults)
    for part in schema["$defs"].values():
        part["description"], about = _described(part["description"])
        for name, text in about.items():
            part["properties"][name]["description"] = text
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _described(docstring: str) -> tuple[str, dict[str, str]]:
    """A docstring's text without its list of attributes, and what that list says of each."""
    text, _, attributes = inspect.cleandoc(docstring).partition("\n\nAttributes:\n")
    found = re.findall(r"^    (\w+): (.+(?:\n {6,}.+)*)", attributes, re.MULTILINE)
    return text, {name: " ".join(about.split()) for name, about in found}
