"""What goes wrong in a loader worker reaches the user as it was said there, also when the worker is killed."""

import multiprocessing
import threading
import time
from pathlib import Path

import pytest
from tests.cached_images import hold_up, pictures

from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.data.dataset import DetectionDataset
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.loader import SampleLoader, naming_dead_workers, sample_loader

_SIZES = [(20, 30)] * 4


def _loader(dataset: DetectionDataset, workers: int, **options: object) -> SampleLoader:
    return sample_loader(dataset, batch_size=2, num_workers=workers, **options)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_arrives_as_one_sentence(tmp_path: Path, workers: int) -> None:
    annotations = pictures(tmp_path, _SIZES)
    (tmp_path / "2.png").unlink()
    seen = []
    with pytest.raises(FileNotFoundError) as caught:
        for batch in _loader(DetectionDataset(annotations, Pipeline({}, 16)), workers):
            seen.append(batch)
    assert len(seen) == 1, "batches before it are used"
    assert str(caught.value) == f"Expected an image at {tmp_path / '2.png'}, but there is no such file: put it there."
    assert not workers or "in __getitem__" in caught.value.__notes__[0], "the worker's traceback is kept for the log"


class _OnlyHere(Exception):
    """An error that cannot be sent to another process."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)


def test_an_error_that_cannot_be_sent_is_told_in_words(tmp_path: Path) -> None:
    def broken(*_: object, **__: object) -> tuple:
        raise _OnlyHere("no such color", "here")

    with pytest.raises(RuntimeError, match="_OnlyHere: no such color"):
        list(_loader(DetectionDataset(pictures(tmp_path, _SIZES), broken), 1))


def _kill_whoever_reads(dataset: DetectionDataset, index: int, pids: list[int]) -> None:
    """Waits until a worker has noted that image, and kills it."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        for worker in multiprocessing.active_children():
            if worker.pid is not None and dataset.notes.find(worker.pid) == index:
                time.sleep(0.1)  # into the middle of reading
                pids.append(worker.pid)
                worker.kill()
                return
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "method"), [(1, "fork"), (2, "fork"), (1, "spawn")])
def test_the_image_of_a_killed_worker_is_named(tmp_path: Path, workers: int, method: str) -> None:
    dataset = DetectionDataset(pictures(tmp_path, _SIZES), Pipeline({}, 16))
    let_go = hold_up(tmp_path / "3.png")
    pids: list[int] = []
    killer = threading.Thread(target=_kill_whoever_reads, args=(dataset, 3, pids))
    killer.start()
    # PyTorch tells the signal unless its handler is called inside a destructor, out of which no error comes
    how = r"(is killed by signal: Killed|exited unexpectedly);"
    with pytest.raises(ValueError, match=how) as caught, naming_dead_workers([dataset]):
        list(_loader(dataset, workers, multiprocessing_context=method))
    killer.join()
    let_go()
    sentence = str(caught.value)
    assert f"process {pids[0]} " in sentence
    assert f"the last image that it read is {tmp_path / '3.png'}:" in sentence
    assert "\n" not in sentence


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(RuntimeError, match=r"^out of ideas$"), naming_dead_workers([]):
        raise RuntimeError("out of ideas")


def test_a_worker_that_has_read_nothing_is_told_so(tmp_path: Path) -> None:
    dataset = DetectionDataset(PackedAnnotations.from_annotations([], ("thing",)), Pipeline({}, 16))
    with pytest.raises(ValueError, match="it had read no image yet"), naming_dead_workers([dataset]):
        raise RuntimeError("DataLoader worker (pid(s) 17, 18) exited unexpectedly")
