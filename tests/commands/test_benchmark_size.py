"""`lssd benchmark size` on two small data sets."""

from pathlib import Path

import pytest
from tests.command_line import run_command


@pytest.mark.slow
def test_a_small_run_shows_seconds_memory_and_growth_beside_a_peer(tmp_path: Path, monkeypatch, capfd) -> None:
    results = tmp_path / "RESULTS.md"
    outcome = run_command(
        monkeypatch, capfd, "benchmark", "size", "images=[200,100]", "workers=2", "epoch_up_to=100", "points=3",
        f"folder={tmp_path}", f"results={results}",
    )  # fmt: skip
    assert outcome.code is None, outcome.err
    text = results.read_text()
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert [line.split("|")[1].strip() for line in lines] == [
        *(f"100 images: {what}" for what in ("read from JSON", "read again", "held after JSON", "held otherwise")),
        "100 images: growth of 2 workers over an epoch",
        *(f"200 images: {what}" for what in ("read from JSON", "read again", "held after JSON", "held otherwise")),
        *(f"per image at 200: {what}" for what in ("read from JSON", "read again", "held")),
    ]
    assert text.count("pycocotools") >= 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["RESULTS.md", "history.csv"]


def test_a_size_below_one_is_refused(monkeypatch, capsys) -> None:
    outcome = run_command(monkeypatch, capsys, "benchmark", "size", "images=[0]", "results=null")
    assert (
        outcome.code == 1
        and "Expected images to be a list of numbers of images, each at least 1, but got [0]." in outcome.err
    )
