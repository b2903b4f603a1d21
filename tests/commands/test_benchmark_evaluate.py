"""`lssd benchmark evaluate` on a handful of images."""

from pathlib import Path

import pytest
from tests.command_line import run_command


def test_the_command_appends_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "RESULTS.md"
    small = ("images=4", "detections=10", "classes=[2]", f"results={results}")
    ended = run_command(monkeypatch, capsys, "benchmark", "evaluate", *small)
    assert ended.code is None and "| COCO metric, 2 classes, 4 images" in ended.out
    assert "## evaluate, " in results.read_text() and "faster-coco-eval" in results.read_text()
