"""A web server of this machine that behaves as servers on the way to a data set do: it breaks off, refuses, changes."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ArchiveServer:
    """Serves files from memory while its `with` block lasts.

    Attributes:
        files: Content by path, `/a.tar` say.
        ranges: Whether it sends a part of a file when asked to.
        etag: Its name for the present content; None names none.
        moved: Where else a path is now, by path.
        kind: `Content-Type` of the answers; None says none.
        says_length: Whether an answer tells how long it is.
        cuts: For each coming request, after how many bytes of the answer the connection breaks; the rest is whole.
        statuses: For each coming request, a status to answer with in place of the file; 200 sends it.
        retry_after: The `Retry-After` of these answers; None sends none.
        held: After how many bytes an answer waits until `go_on` is set; None waits nowhere.
        go_on: Lets what waits go on.
        pause: Seconds before each 10 kB.
        requests: What was asked for: path and `Range` header, None without one.
    """

    def __init__(self, files: dict[str, bytes], ranges: bool = True, etag: str | None = None) -> None:
        self.files, self.ranges, self.etag, self.says_length = dict(files), ranges, etag, True
        self.moved: dict[str, str] = {}
        self.kind: str | None = None
        self.cuts: list[int] = []
        self.statuses: list[int] = []
        self.retry_after: str | None = None
        self.held: int | None = None
        self.go_on = threading.Event()
        self.pause = 0.0
        self.requests: list[tuple[str, str | None]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Bound", (_Handler,), {"of": self}))
        self._server.daemon_threads = True

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def __enter__(self) -> "ArchiveServer":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    of: ArchiveServer

    def do_GET(self) -> None:
        of, asked = self.of, self.headers.get("Range")
        of.requests.append((self.path, asked))
        status = of.statuses.pop(0) if of.statuses else 200
        if self.path in of.moved:
            self.send_response(301)
            self.send_header("Location", of.moved[self.path])
            self.end_headers()
            return
        if status != 200 or self.path not in of.files:
            self._refuse(status if status != 200 else 404)
            return
        content, start = of.files[self.path], 0
        if asked and of.ranges and self.headers.get("If-Range") in (None, of.etag):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content) and start:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        self._head(content, start)
        cut = of.cuts.pop(0) if of.cuts else len(content)
        self._send(content[start : start + cut])

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        if self.of.retry_after is not None:
            self.send_header("Retry-After", self.of.retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _head(self, content: bytes, start: int) -> None:
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.of.says_length:
            self.send_header("Content-Length", str(len(content) - start))
        if self.of.kind:
            self.send_header("Content-Type", self.of.kind)
        if self.of.etag:
            self.send_header("ETag", self.of.etag)
        self.end_headers()

    def _send(self, body: bytes) -> None:
        for start in range(0, len(body), 10_000):
            time.sleep(self.of.pause)
            if self.of.held is not None and start >= self.of.held:
                self.of.go_on.wait()
            try:
                self.wfile.write(body[start : start + 10_000])
            except OSError:  # the other side has gone
                return

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""
