"""Reads an offline W&B run back: protocol buffers in LevelDB's log format, behind seven bytes of header."""

import struct
import time
from pathlib import Path

_BLOCK, _HEADER = 32768, 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def read_records(run_dir: Path, seconds: float = 300.0) -> list:
    """All records of the first W&B run in a run folder.

    Args:
        run_dir: Folder of the run.
        seconds: How long to wait for the last record, that of the exit: W&B's helper process writes the file and may
            still be at it when `wandb.finish` has returned.
    """
    from wandb.proto.wandb_internal_pb2 import Record

    path, deadline = sorted(run_dir.glob("wandb/offline-run-*/run-*.wandb"))[0], time.monotonic() + seconds
    while True:
        records = [Record.FromString(data) for data in _chunks(path.read_bytes())]
        ended = any(record.WhichOneof("record_type") == "exit" for record in records)
        if ended or time.monotonic() > deadline:
            return records
        time.sleep(0.05)


def _chunks(data: bytes) -> list[bytes]:
    found, parts, at = [], b"", _HEADER
    while at + _HEADER <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:  # a block's end too short for a header is filled with zeros
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + _HEADER])
        if at + _HEADER + length > len(data):  # still being written
            break
        parts += data[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length
        if kind in (_FULL, _LAST):
            found.append(parts)
            parts = b""
    return found
