"""The five commands on a tiny scale: what each starts from, and the figures that it ends with when nobody disturbs it.

Every command runs in the same folder, which is filled anew from a copy, so that paths in files stay true.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.reliability.random_faults import COMMANDS
from tests.run_folders import TABLE, write_table
from tests.run_server import Ended, Forked, RunServer
from tests.running import metrics_of
from tests.surroundings import Surroundings, on_disk

from lightweight_ssd.runs.status import FINISHED, read_status

PATIENCE = 5.0  # seconds that the processes of a command have to end after it
LONGEST = 120.0  # seconds that a command may take

_RUN = (
    "experiment=smoke", "logger=csv", "deterministic=true", "callbacks.ema.decay=0.9", "data.train_images=12",
    "data.val_images=3", "data.test_images=4", "data.cache=disk", "num_workers=1", "pictures=2", "gray_test=false",
    "latency=null",
)  # fmt: skip
_TRAINED = Path("trained")  # a finished run, copied from where it was trained
_CHECKPOINT = f"checkpoint={_TRAINED / 'checkpoints' / 'best.ckpt'}"


class Scene(NamedTuple):
    """A command.

    Attributes:
        arguments: What follows `lssd`.
        folders: That it works with; the first is the one that it writes its results to.
        figures: What it has left in its folder, by name.
    """

    arguments: tuple[str, ...]
    folders: tuple[str, ...]
    figures: Callable[[Path], dict[str, Any]]


class Whole(NamedTuple):
    """A command that nobody disturbed.

    Attributes:
        seconds: How long it took.
        size: Bytes that its files take up on a disk.
        files: How many it writes.
        largest: Bytes of the largest of them.
        figures: What it ended with.
    """

    seconds: float
    size: int
    files: int
    largest: int
    figures: dict[str, Any]


def _trained(folder: Path) -> dict[str, Any]:
    """Of all finished runs; those of one seed have to be equal."""
    runs = [run for run in sorted((folder / "runs").glob("smoke/*")) if read_status(run).get("state") == FINISHED]
    figures: dict[str, Any] = {}
    for run in runs:
        seed = json.loads((run / "results.json").read_text())["seed"]
        for name, content in _run_figures(run).items():
            key = f"{name} of seed {seed}"
            assert figures.setdefault(key, content) == content, f"two finished runs differ in {key}"
    return figures


def _run_figures(run: Path) -> dict[str, Any]:
    texts = {name: (run / name).read_text() for name in ("metrics.csv", "detections.json")}
    return {"results.json": metrics_of(run), **texts}


def _measured(folder: Path) -> dict[str, Any]:
    output = folder / "measured"
    results = json.loads((output / "results.json").read_text())
    return {"results.json": results["test"], "detections.json": (output / "detections.json").read_text()}


def _predicted(folder: Path) -> dict[str, Any]:
    output = folder / "predictions"
    pictures = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in output.glob("*.jpg")}
    return {"predictions.json": json.loads((output / "predictions.json").read_text()), "pictures": pictures}


def _reported(folder: Path) -> dict[str, Any]:
    output = folder / "report"
    page = (output / "index.html").read_text()
    assert page.rstrip().endswith("</html>")
    return {name: (output / name).read_text() for name in ("report.csv", "runs.csv")}


SCENES = {
    "train": Scene(("train", *_RUN, "resume=auto"), ("runs", "data", "cache"), _trained),
    "sweep": Scene(("train", "-m", *_RUN, "seed=0,1"), ("runs", "data", "cache"), _trained),
    "evaluate": Scene(
        ("evaluate", _CHECKPOINT, "output=measured", "trainer=cpu", "eval_batch_size=2", "num_workers=1", "pictures=2"),
        ("measured", "data", "trained", "cache"),
        _measured,
    ),
    "predict": Scene(
        ("predict", _CHECKPOINT, "source=photos", "batch_size=2", "score_threshold=0.001", "device=cpu"),
        ("predictions", "photos", "trained", "cache"),
        _predicted,
    ),
    "report": Scene(
        ("report", "resamples=20", "max_images=3", "workers=1"), ("report", "runs", "data", "cache"), _reported
    ),
}


class Stage:
    """The folder in which the commands run, and copies of it to begin from.

    Args:
        server: Runs the commands.
        base: Empty folder for all this.
    """

    def __init__(self, server: RunServer, base: Path) -> None:
        self.server = server
        self.folder = base / "work"
        self.copies = base / "copies"
        self.wholes: dict[str, Whole] = {}

    def whole(self, command: str) -> Whole:
        """The command that nobody disturbed; run once."""
        if command not in self.wholes:
            self.set("start", command)
            before, started = self.sizes(), time.monotonic()
            ended = self.run(command)
            seconds = time.monotonic() - started
            assert ended.code == 0 and ended.err.count("Traceback") == 0, ended.out + ended.err
            self._keep(self._copy("finished", command))
            written = [size for path, size in self.sizes().items() if path not in before]
            size = sum(map(on_disk, written))
            figures = SCENES[command].figures(self.folder)
            self.wholes[command] = Whole(seconds, size, len(written), max(written), figures)
        return self.wholes[command]

    def set(self, state: str, command: str) -> None:
        """Fills the folder.

        Args:
            state: `start`, before the command; `cut off`, training that was killed after its first checkpoint;
                `finished`, after it.
            command: One of `COMMANDS`.
        """
        copy = self._copy(state, command)
        if not copy.is_dir():
            make = {"start": self._make_start, "cut off": self._make_cut_off, "finished": self.whole}[state]
            make(command)
        self._fill(copy)

    def start(self, command: str, *more: str, **how: Any) -> Forked:
        """Starts the command in the folder, with other settings in place of its usual ones."""
        cache, replaced = str(self.folder / "cache"), {each.partition("=")[0] for each in more}
        usual = [each for each in SCENES[command].arguments if each.partition("=")[0] not in replaced]
        how["around"] = how.get("around", Surroundings())._replace(plain_plots=True)
        return self.server.start(self.folder, *usual, *more, patience=PATIENCE, XDG_CACHE_HOME=cache, **how)

    def run(self, command: str, *more: str, **how: Any) -> Ended:
        """The same, to its end; nothing is left running."""
        return ended(self.start(command, *more, **how))

    def sizes(self) -> dict[Path, int]:
        """Bytes of each file in the folder."""
        return {path: path.stat().st_size for path in self.folder.rglob("*") if path.is_file()}

    def _make_start(self, command: str) -> None:
        empty = self._copy("start", command)
        if command in ("evaluate", "predict"):
            self.set("finished", "train")
            (run,) = (self.folder / "runs" / "smoke").iterdir()
            run.rename(self.folder / _TRAINED)
            shutil.rmtree(self.folder / "runs")
            photos = sorted((self.folder / "data").rglob("test_*.jpg"))
            (self.folder / "photos").mkdir()
            for photo in photos:
                shutil.copy(photo, self.folder / "photos")
        elif command == "report":
            self.set("finished", "sweep")
            write_table(self.folder / "runs", TABLE[:2], seeds=(0,), num_images=6)
        else:
            self._fill(None)
        self._keep(empty)

    def _make_cut_off(self, command: str) -> None:
        """Killed just before its third checkpoint, so in the second of its two epochs."""
        self.set("start", command)
        self.run(command, stage="opening", moment=3)
        checkpoints = list(self.folder.rglob("last.ckpt"))
        assert len(checkpoints) == (2 if command == "sweep" else 1), "it was not cut off as intended"
        self._keep(self._copy("cut off", command))

    def _copy(self, state: str, command: str) -> Path:
        assert command in COMMANDS
        return self.copies / f"{state}-{command}".replace(" ", "_")

    def _keep(self, copy: Path) -> None:
        shutil.copytree(self.folder, copy, symlinks=True)

    def _fill(self, copy: Path | None) -> None:
        if self.folder.exists():
            shutil.rmtree(self.folder)
        shutil.copytree(copy, self.folder, symlinks=True) if copy else self.folder.mkdir(parents=True)


def ended(started: Forked) -> Ended:
    """A command to its end; nothing is left running."""
    out, err = started.communicate(LONGEST)
    assert not started.left, f"still running {PATIENCE} s after the end: {started.left}"
    assert started.returncode is not None
    return Ended(started.returncode, out, err)
