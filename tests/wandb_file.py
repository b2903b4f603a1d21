"""Reads an offline W&B run back: protocol buffers in LevelDB's log format, behind seven bytes of header."""

import struct
from pathlib import Path

_BLOCK, _HEADER = 32768, 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def read_records(run_dir: Path) -> list:
    """All records of the first W&B run in a run folder."""
    from wandb.proto.wandb_internal_pb2 import Record

    path = sorted(run_dir.glob("wandb/offline-run-*/run-*.wandb"))[0]
    return [Record.FromString(data) for data in _chunks(path.read_bytes())]


def _chunks(data: bytes) -> list[bytes]:
    found, parts, at = [], b"", _HEADER
    while at + _HEADER <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:  # a block's end too short for a header is filled with zeros
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + _HEADER])
        parts += data[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length
        if kind in (_FULL, _LAST):
            found.append(parts)
            parts = b""
    return found
