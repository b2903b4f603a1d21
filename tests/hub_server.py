"""A hub of weights on this machine: answers the two requests of huggingface_hub's client, and counts them."""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class HubServer(ThreadingHTTPServer):
    """Serves files by their address, such as `/timm/resnet18.a1_in1k/resolve/main/model.safetensors`."""

    def __init__(self, files: dict[str, bytes], delay: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.delay = files, delay
        self.requests: Counter[tuple[str, str]] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: HubServer

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        content = self._answer()
        if content is not None:
            time.sleep(self.server.delay)
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None: ...

    def _answer(self) -> bytes | None:
        self.server.requests[self.command, self.path] += 1
        content = self.server.files.get(self.path)
        self.send_response(200 if content is not None else 404)
        self.send_header("X-Repo-Commit", "0" * 40)
        if content is None:
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
        else:
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content


@contextmanager
def hub(files: dict[str, bytes], delay: float = 0.0) -> Iterator[HubServer]:
    """A running hub.

    Args:
        files: Content by address.
        delay: Seconds before the content of a file, as on a slow line.
    """
    server = HubServer(files, delay)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
