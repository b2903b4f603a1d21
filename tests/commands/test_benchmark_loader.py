"""`lssd benchmark loader` on a few drawn images."""

from pathlib import Path

from tests.command_line import run_command


def test_the_command_appends_its_section(tmp_path: Path, monkeypatch, capsys) -> None:
    results = tmp_path / "RESULTS.md"
    ended = run_command(
        monkeypatch, capsys, "benchmark", "loader", "data=shapes", f"data.root={tmp_path / 'shapes'}",
        "data.train_images=3", "data.val_images=1", "data.test_images=1", "images=2", "batch_size=2", "rounds=1",
        "warmup=0", "peers=false", "image_size=64", f"results={results}",
    )  # fmt: skip
    assert (ended.code, ended.err) == (None, "")
    assert "## loader, " in results.read_text() and "2 images of " in ended.out
