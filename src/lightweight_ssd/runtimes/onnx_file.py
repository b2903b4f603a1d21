"""What an ONNX file says of itself, read from its bytes before any runtime sees them.

An ONNX file may name other files for its weights, which a runtime would read from anywhere, or by a special name even
from memory. A detector of this project is one file, so whatever names another one is refused. For that, no more of the
format (Protocol Buffers) is needed than to walk through the messages that can hold a tensor.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["OnnxFile", "read_onnx"]

_LARGEST_FILE = (1 << 31) - 1  # bytes, by the rules of the format

# By message the fields that may lead to a tensor, as the format's definition (onnx.proto) numbers them.
_INSIDE: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "function": {7: "node", 11: "attribute"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "training": {1: "graph", 2: "graph"},
    "tensor": {},
}
_METADATA, _EXTERNAL_DATA, _DATA_LOCATION = 14, 13, 14  # of a model; of a tensor
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5  # kinds of a field
_OTHER_FORMAT = b"ORTM"  # from byte 4: a file of onnxruntime's own, which it would recognize whatever its name


class OnnxFile(NamedTuple):
    """An ONNX file that holds all of its weights.

    Attributes:
        content: The whole file.
        metadata: Its properties, by name.
    """

    content: bytes
    metadata: dict[str, bytes]


class _Field(NamedTuple):
    number: int
    kind: int
    value: int  # of a number
    content: memoryview  # of bytes


def read_onnx(file: Path) -> OnnxFile:
    """Reads an ONNX file and checks that it needs no other one.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is none, damaged, or keeps weights elsewhere.
    """
    if not file.is_file():
        raise FileNotFoundError(f"Expected an ONNX file at {file} but there is no such file.")
    if file.stat().st_size > _LARGEST_FILE:
        raise ValueError(f"Expected an ONNX file of at most 2 GB but {file} is larger.")
    content = file.read_bytes()
    try:
        metadata, alone = _walk(memoryview(content))
    except (ValueError, IndexError) as error:
        raise ValueError(f"Expected an ONNX file but {file} is none, or damaged; export it again.") from error
    if not alone:
        raise ValueError(
            f"Expected an ONNX file that holds all of its weights but {file} names another file for some; export it "
            "as one file."
        )
    return OnnxFile(content, metadata)


def _walk(content: memoryview) -> tuple[dict[str, bytes], bool]:
    """The properties of a model, and whether it holds all of its weights."""
    if content[4:8] == _OTHER_FORMAT or not len(content):
        raise ValueError("no ONNX")
    metadata: dict[str, bytes] = {}
    alone, seen_graph = True, False
    todo = [("model", content)]
    while todo:
        message, place = todo.pop()
        for field in _fields(place):
            if message == "tensor":
                alone &= not _leads_elsewhere(field)
            elif message == "model" and field.number == _METADATA and field.kind == _BYTES:
                metadata.update([_property(field.content)])
            if field.kind == _BYTES and (inner := _INSIDE[message].get(field.number)):
                seen_graph |= message == "model" and inner == "graph"
                todo.append((inner, field.content))
    if not seen_graph:
        raise ValueError("no graph")
    return metadata, alone


def _leads_elsewhere(field: _Field) -> bool:
    """Whether a field of a tensor names another file, or says that one holds the values."""
    named = field.number == _EXTERNAL_DATA and field.kind == _BYTES
    return named or (field.number == _DATA_LOCATION and field.kind == _VARINT and field.value != 0)


def _property(content: memoryview) -> tuple[str, bytes]:
    texts = {field.number: bytes(field.content) for field in _fields(content) if field.kind == _BYTES}
    return texts.get(1, b"").decode("utf-8", "replace"), texts.get(2, b"")


def _fields(content: memoryview) -> Iterator[_Field]:
    """The fields of a message.

    Raises:
        ValueError, IndexError: It is none.
    """
    at, end, none = 0, len(content), content[:0]
    while at < end:
        tag, at = _varint(content, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(content, at)
            yield _Field(number, kind, value, none)
            continue
        if kind not in (_EIGHT, _BYTES, _FOUR) or number == 0:
            raise ValueError("no field")
        size, at = _varint(content, at) if kind == _BYTES else (8 if kind == _EIGHT else 4, at)
        if at + size > end:
            raise ValueError("cut off")
        yield _Field(number, kind, 0, content[at : at + size])
        at += size


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value = content[at]
    if value < 0x80:
        return value, at + 1
    value &= 0x7F
    for place in range(1, 10):
        byte = content[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("no number")
