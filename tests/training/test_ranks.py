"""Ranks of a launcher share the run folder that the first of them owns."""

import os
import threading
from pathlib import Path

import pytest
from tests.running import smoke_config

from lightweight_ssd.runs.identity import content_of
from lightweight_ssd.runs.results import RunResults
from lightweight_ssd.runs.results_file import write_results
from lightweight_ssd.runs.status import write_status
from lightweight_ssd.training import ranks
from lightweight_ssd.training.place import RunPlace
from lightweight_ssd.training.ranks import announced, launched_rank, place_of_first_rank
from lightweight_ssd.training.session import placed


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, None),
        ({"RANK": "0", "WORLD_SIZE": "2"}, 0),
        ({"RANK": "0", "WORLD_SIZE": "1"}, None),
        ({"SLURM_PROCID": "3", "SLURM_NTASKS": "4"}, 3),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, None),
    ],
)
def test_only_a_launcher_of_several_processes_makes_ranks(environment: dict[str, str], rank: int | None) -> None:
    assert launched_rank(environment) == rank


def test_the_others_wait_for_the_first_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "here", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    place, found = RunPlace(tmp_path / "e" / "run", tmp_path / "last.ckpt"), []
    waiting = threading.Thread(target=lambda: found.append(place_of_first_rank(tmp_path, "0123abcd")))
    waiting.start()
    with announced(place, tmp_path, "0123abcd"):
        waiting.join(60)
    assert found == [place] and not list(tmp_path.iterdir())


def test_what_an_earlier_launch_left_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(ranks, "_WAIT", 0.5)
    with announced(RunPlace(tmp_path / "run", None), tmp_path, "0123abcd"):
        (file,) = (tmp_path / ".ranks").iterdir()
        assert place_of_first_rank(tmp_path, "0123abcd") == RunPlace(tmp_path / "run", None)
        os.utime(file, (0, 0))
        with pytest.raises(ValueError, match="Expected the first rank to choose a run folder"):
            place_of_first_rank(tmp_path, "0123abcd")


def test_without_a_launcher_nothing_is_written(tmp_path: Path) -> None:
    with announced(RunPlace(tmp_path / "run", None), tmp_path, "0123abcd"):
        assert not list(tmp_path.iterdir())


def test_another_rank_of_a_finished_run_waits_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one has nothing to do, and may have ended before this one has begun."""
    cfg = smoke_config(tmp_path, "resume=auto")
    (tmp_path / "run").mkdir()
    write_status(tmp_path / "run", state="finished")
    write_results(tmp_path / "run", RunResults(content=content_of(cfg)))
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(ranks, "_WAIT", 0.5)
    with placed(cfg, {}, []) as place:
        assert place == RunPlace(tmp_path / "run", None)
