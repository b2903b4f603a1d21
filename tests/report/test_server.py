"""The report is served to this machine alone, and built again when a run has written something."""

import http.client
import socket
import threading
import urllib.error
import urllib.request
from itertools import pairwise
from pathlib import Path

import pytest
from tests.command_line import port_of_our_own
from tests.run_folders import TABLE, draw_scene, write_run_folder, write_table

from lightweight_ssd.report.server import fingerprint, rebuild_on_change, serve


def _get(address: str, path: str = "", host: str | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(address + path, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_files_of_the_folder_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("not yours")
    report = tmp_path / "report"
    (report / "plots").mkdir(parents=True)
    (report / "index.html").write_text("<p>page</p>")
    with serve(report, 0) as address:
        assert _get(address) == (200, b"<p>page</p>")
        assert _get(address, "plots/")[0] == _get(address, "none.html")[0] == 404
        connection = http.client.HTTPConnection(address.removeprefix("http://").rstrip("/"), timeout=300)
        connection.request("GET", "/../secret.txt")
        assert connection.getresponse().status == 404
        connection.close()


def test_only_this_machine_is_answered(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("page")
    with serve(tmp_path, 0) as address:
        port = address.rstrip("/").rsplit(":", 1)[1]
        assert address == f"http://127.0.0.1:{port}/"
        assert _get(address, host="evil.example")[0] == _get(address, host=f"evil.example:{port}")[0] == 403
        assert _get(address, host=f"localhost:{port}")[0] == 200
        with socket.socket() as other, pytest.raises(OSError):
            other.settimeout(2)
            other.connect(("127.0.0.2", int(port)))  # another address of this machine


def test_the_port_is_free_again_afterwards_and_a_taken_one_is_refused(tmp_path: Path) -> None:
    port = port_of_our_own()
    taken = pytest.raises(ValueError, match=f"Expected a free port but got port={port}")
    with serve(tmp_path, port) as address, taken, serve(tmp_path, port):
        pass
    with serve(tmp_path, port) as again:
        assert again == address


def test_the_fingerprint_changes_with_what_a_run_writes(tmp_path: Path) -> None:
    assert fingerprint([tmp_path / "not yet"]) == {}
    folders = write_table(tmp_path, TABLE[:1], seeds=(0,))
    seen = [fingerprint([tmp_path])]
    for name in ("status.json", "metrics.csv", "results.json"):
        (folders[0] / name).write_text((folders[0] / name).read_text() + "\n")
        seen.append(fingerprint([tmp_path]))
    write_run_folder(tmp_path / "new", TABLE[0], 1, draw_scene(tmp_path / "images"))
    seen.append(fingerprint([tmp_path]))
    assert all(one != other for one, other in pairwise(seen))
    (folders[0] / "train.log").write_text("a line more")
    assert fingerprint([tmp_path]) == seen[-1]


def test_built_again_on_a_change_only_and_past_errors(tmp_path: Path) -> None:
    """The second build fails, as on a file that is half written; the third goes well."""
    (folder,) = write_table(tmp_path, TABLE[:1], seeds=(0,))
    stop, builds, said = threading.Event(), [], []
    looks = iter(range(100))

    class Clock(threading.Event):
        """Stands for the wait between two looks: what happens to the run in it."""

        def wait(self, timeout: float | None = None) -> bool:
            look = next(looks)
            if look in (1, 2, 4):
                (folder / "status.json").write_text("x" * (look + 1))
            if look == 6:
                stop.set()
                self.set()
            return self.is_set()

    def build() -> None:
        builds.append(len(builds))
        if builds[-1] in (1, 2):
            raise KeyError("half a file")

    rebuild_on_change(build, [tmp_path], 0.01, Clock(), said.append)
    assert builds == [0, 1, 2, 3] and said == ["not built: KeyError: 'half a file'"]
