"""Reads a `.pt2` file so that nothing in it can run but a graph of PyTorch's tensor operations.

`torch.export.load` trusts its file: it unpickles objects, opens compiled libraries, evaluates texts as expressions, and
looks up the functions of the graph by name, be it `torch.os.system`. Here whatever an exported detector does not need
is refused, and PyTorch gets an archive written anew from what was checked, so that both read the same.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

__all__ = ["read_program"]

_LARGEST_FILE = 2**31  # bytes, of all members together

_DATA: Final = re.compile(r"data/(weights/weight|constants/tensor)_\d{1,6}")
_TEXTS: Final = re.compile(r"archive_format|archive_version|byteorder|version|\.data/(version|serialization_id)")
_DROPPED: Final = re.compile(r"extra/[\w.]{1,40}|\.format_version|\.storage_alignment|data/sample_inputs/model\.pt")
_GRAPH: Final = "models/model.json"
_LISTS: Final = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")

_ELSEWHERE = r"\w*(file|save|load|print|warn)"  # names of operations that read, write or say something
_OPERATION: Final = re.compile(rf"torch\.ops\.aten\.(?!{_ELSEWHERE})\w+\.\w+|_operator\.(add|sub|mul|floordiv|getitem)")
_EXPRESSION: Final = re.compile(r"Symbol\('s\d{1,6}', (positive=True, )?integer=True\)|s\d{1,6}|-?\d{1,12}|True|False")


def read_program(file: Path) -> io.BytesIO:
    """The archive of an exported program, for `torch.export.load`.

    Raises:
        ValueError: It is none, or holds more than a graph and its weights.
    """
    try:
        if file.stat().st_size > _LARGEST_FILE:
            raise ValueError("it is larger than 2 GB")
        with zipfile.ZipFile(file) as archive:
            return _rewritten(archive)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(
            f"Expected a .pt2 file with a graph and its weights but {file} is none, or holds more "
            f"({str(error)[:200]}); export it again."
        ) from error


def _rewritten(archive: zipfile.ZipFile) -> io.BytesIO:
    if sum(each.file_size for each in archive.infolist()) > _LARGEST_FILE:
        raise ValueError("it is larger than 2 GB")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as clean:
        for name in archive.namelist():
            content = _checked(name.partition("/")[2], archive, name)
            if content is not None:
                clean.writestr(f"model/{name.partition('/')[2]}", content)
        clean.writestr("model/data/sample_inputs/model.pt", b"")
    made.seek(0)
    return made


def _checked(place: str, archive: zipfile.ZipFile, name: str) -> bytes | None:
    """The content of a member; None where it is not needed."""
    if _DATA.fullmatch(place) or _TEXTS.fullmatch(place):
        return archive.read(name)
    if _DROPPED.fullmatch(place):
        return None
    if place != _GRAPH and place not in _LISTS:
        raise ValueError(f"the member {place[:100]!r}")
    known: Any = json.loads(archive.read(name))
    if place == _GRAPH:
        _expect_plain(known)
    else:
        for entry in known["config"].values():
            if entry["use_pickle"] is not False or not re.fullmatch(r"(weight|tensor)_\d{1,6}", entry["path_name"]):
                raise ValueError(f"an object {entry['path_name'][:100]!r}")
    return json.dumps(known).encode()


def _expect_plain(program: Any) -> None:
    """Refuses a graph that names other functions, or texts that would be evaluated."""
    if program["guards_code"]:
        raise ValueError("code")
    for name, value in _members(program):
        if name == "target" and not (isinstance(value, str) and _OPERATION.fullmatch(value)):
            raise ValueError(f"the function {value!r}")
        if name == "expr_str" and not (isinstance(value, str) and _EXPRESSION.fullmatch(value)):
            raise ValueError(f"the expression {value!r}")
        if name in ("as_graph", "as_custom_obj", "as_operator") or (name == "metadata" and value):
            raise ValueError(f"the argument {name}")


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """All names with their values, however deep."""
    todo = [value]
    while todo:
        each = todo.pop()
        if isinstance(each, dict):
            yield from each.items()
            todo += each.values()
        elif isinstance(each, list):
            todo += each
