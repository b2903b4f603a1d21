"""When a training on a CPU keeps the memory that it frees."""

import pytest
from tests.training.test_bare_step import tiny

from lightweight_ssd.training import kept_memory
from lightweight_ssd.training.kept_memory import keep_memory_where_ample
from lightweight_ssd.training.memory_estimate import training_memory

BATCH = ("batch_size=4", "num_workers=0")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """One entry per time that the C library would have been asked."""
    asked: list[bool] = []

    def keep() -> bool:
        asked.append(True)
        return True

    monkeypatch.setattr(kept_memory, "keep_freed_memory", keep)
    return asked


def _free(monkeypatch: pytest.MonkeyPatch, share: float | None) -> None:
    """So many times the estimate is free; None: the operating system does not say."""
    expected = training_memory(tiny(*BATCH)).of(4)
    monkeypatch.setattr(kept_memory, "free_memory", lambda device: None if share is None else int(share * expected))


@pytest.mark.parametrize(("share", "keeps"), [(1.5, False), (1.7, True), (None, False)])
def test_it_needs_more_than_the_estimate(
    share: float | None, keeps: bool, kept: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    _free(monkeypatch, share)
    assert keep_memory_where_ample(tiny(*BATCH)) is keeps is bool(kept)


def test_the_size_is_said_where_a_step_was_split_for_memory(
    kept: list[bool], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _free(monkeypatch, 10)
    assert keep_memory_where_ample(tiny(*BATCH)) and not capsys.readouterr().out
    assert keep_memory_where_ample(tiny(*BATCH, "trainer.accumulate_grad_batches=3"))
    assert capsys.readouterr().out.startswith("memory: freed memory is kept for speed, so the process may take up to ")


@pytest.mark.parametrize("setting", ["batch_size=null", "trainer.precision=64-true"])
def test_nothing_is_kept_without_an_estimate(setting: str, kept: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    _free(monkeypatch, 10)
    assert not keep_memory_where_ample(tiny(*BATCH, setting)) and not kept
