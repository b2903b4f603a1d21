"""`lssd benchmark all`, tiny: sections, history, plot, and which benchmark failed."""

from pathlib import Path

import pytest
from tests.command_line import TINY, run_command

from lightweight_ssd.benchmark.history import read_history

SMALL = ["image_size=64", "rounds=1", "warmup=0", "num_classes=2", "forms=[eager]", "peers=false"]


@pytest.mark.slow
def test_one_runs_and_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def listed(words: list[str]) -> str:
        return "[" + ",".join(f'"{word}"' for word in words) + "]"

    settings = f"overrides={{latency: {listed([*TINY, *SMALL])}, step: {listed(['rounds=none'])}}}"
    results = tmp_path / "RESULTS.md"
    done = run_command(monkeypatch, capsys, "benchmark", "all", "only=[latency,step]", f"results={results}", settings)
    assert done.code == 1
    assert done.err.endswith("lssd benchmark all: step failed, see above.\n")
    assert [line for line in results.read_text().splitlines() if line.startswith("## latency")]
    (line,) = read_history(tmp_path / "history.csv")
    assert line.benchmark == "latency" and line.ours > 0 and line.target is None
    assert (tmp_path / "history.png").is_file()


def test_settings_of_what_does_not_run_are_refused(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    done = run_command(monkeypatch, capsys, "benchmark", "all", "only=[step]", 'overrides={latency: ["rounds=1"]}')
    assert done.code == 1
    assert "Expected overrides for the benchmarks step but got some for latency." in done.err
