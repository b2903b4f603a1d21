"""Serves the report to this machine alone, and builds it again when a run has written something.

The page holds paths and images of whoever runs it, so the server listens on 127.0.0.1 and answers only requests that
name this machine: another site that a browser has open cannot have its own name point here and read along.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from lightweight_ssd.runs.files import (
    DETECTIONS_FILE,
    GRAY_DETECTIONS_FILE,
    IDENTITY_FILE,
    METRICS_FILE,
    RESULTS_FILE,
    STATUS_FILE,
)
from lightweight_ssd.runs.record import run_folders

__all__ = ["fingerprint", "rebuild_on_change", "serve"]

_ADDRESS = "127.0.0.1"
_WATCHED = (IDENTITY_FILE, STATUS_FILE, METRICS_FILE, RESULTS_FILE, DETECTIONS_FILE, GRAY_DETECTIONS_FILE)


class _Handler(SimpleHTTPRequestHandler):
    """Files of one folder, never kept by the browser; no listings and no log."""

    def send_head(self) -> Any:
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        if host not in (_ADDRESS, "localhost"):
            self.send_error(HTTPStatus.FORBIDDEN, "This report is for the machine that it runs on")
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> None:
        self.send_error(HTTPStatus.NOT_FOUND, "There is no page here")

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """A page that asks every few seconds would fill the console."""


@contextmanager
def serve(folder: Path, port: int) -> Iterator[str]:
    """Serves a folder while the context is open.

    Args:
        folder: What is served.
        port: Of 127.0.0.1; 0 takes any that is free.

    Yields:
        The address to open.

    Raises:
        ValueError: If the port is taken or not allowed.
    """
    try:
        server = ThreadingHTTPServer((_ADDRESS, port), partial(_Handler, directory=str(folder)))
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"Expected a free port but got port={port} ({error}); give another, or port=0 for any."
        ) from error
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield f"http://{_ADDRESS}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fingerprint(roots: Iterable[str | Path]) -> dict[str, tuple[int, int]]:
    """Size and time of every file of a run that a report depends on; equal as long as none has been written.

    Args:
        roots: Folders of runs, which need not exist yet.
    """
    found: dict[str, tuple[int, int]] = {}
    for path in (folder / name for root in roots for folder in run_folders(Path(root)) for name in _WATCHED):
        try:
            status = path.stat()
        except OSError:  # not written yet, or just being replaced
            continue
        found[str(path)] = status.st_size, status.st_mtime_ns
    return found


def rebuild_on_change(
    build: Callable[[], None],
    roots: Iterable[str | Path],
    every: float,
    stop: threading.Event,
    say: Callable[[str], None],
) -> None:
    """Builds now and then whenever a run has changed, until `stop` is set.

    Args:
        build: Writes the report. What it raises is said in one sentence, once; the next change tries again.
        roots: Folders of runs.
        every: Seconds between two looks at the folders.
        stop: Ends the loop.
        say: Called with a sentence for the user.
    """
    roots, known, said = list(roots), None, ""
    while not stop.is_set():
        now = fingerprint(roots)
        if now != known:
            known, trouble = now, _attempt(build)
            if trouble and trouble != said:
                say(trouble)
            said = trouble
        stop.wait(every)


def _attempt(build: Callable[[], None]) -> str:
    """What went wrong, empty if nothing did."""
    try:
        build()
    except Exception as error:  # whatever it was, the sweep goes on, and so must the watch
        name = "" if isinstance(error, ValueError | FileNotFoundError) else f"{type(error).__name__}: "
        return f"not built: {name}{' '.join(str(error).split())}"
    return ""
