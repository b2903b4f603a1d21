"""`results.json` written, read back and described by a JSON schema.

A file may be older or newer than this code: keys that it does not know are passed over, those that are missing are
None. A value of the wrong type costs that value alone, and is reported in a sentence.
"""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import msgspec

from lightweight_ssd.runs.files import RESULTS_FILE
from lightweight_ssd.runs.results import RunResults
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
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return RunResults(), []
    except (OSError, ValueError) as error:
        return RunResults(), [f"{path} cannot be read ({type(error).__name__}) and was left out."]
    if not isinstance(content, dict):
        return RunResults(), [f"{path} holds no mapping and was left out."]
    problems: list[str] = []
    while True:
        try:
            return results_of(content), problems
        except msgspec.ValidationError as error:
            reason, _, place = str(error).partition(" - at ")
            problems.append(f"{path} holds a wrong value at {_drop(content, place)} ({reason}), which was left out.")


def _drop(content: dict[str, Any], place: str) -> str:
    """Takes out the value that `$.test.map_50` names, as far as it names one; returns its dotted key."""
    keys = re.findall(r"\w+", place.partition("[")[0])
    node = content
    for key in keys[:-1]:
        node = node[key]
    del node[keys[-1]]
    return ".".join(keys)


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
