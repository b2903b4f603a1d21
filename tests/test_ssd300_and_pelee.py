"""`detector=ssd300` and `detector=pelee` at a tiny width through the real commands: train, resume, predict, export."""

from pathlib import Path

import pytest
import torch

import lightweight_ssd as lssd
from lightweight_ssd.training.run import TrainedRun, train
from tests.command_line import run_command

pytestmark = pytest.mark.slow  # a run is trained

TINY = {
    "ssd300": ("backbone.width=0.03125", "image_size=268"),
    "pelee": ("backbone.width=0.125", "neck.width=8", "image_size=257"),
}
QUICK = (
    "data=shapes_tiny", "datamodule.first_images=4", "augment=basic", "trainer=cpu", "num_workers=0", "logger=csv",
    "batch_size=2", "reference_batch=2", "optim.lr=0.001", "eval_batch_size=4", "pictures=0", "latency=null",
    "callbacks.ema.decay=0.9", "channels_last=false",
)  # fmt: skip


@pytest.fixture(scope="module", params=TINY)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """Three steps, and of one of the two one more from the checkpoint."""
    folder, name = tmp_path_factory.mktemp(request.param), request.param
    settings = [f"detector={name}", *TINY[name], *QUICK, f"data.root={folder / 'data'}", f"runs={folder / 'runs'}"]
    first = train([*settings, "trainer.max_steps=3"])
    if name == "ssd300":
        return first
    last = first.run_dir / "checkpoints" / "last.ckpt"
    return train([*settings, "trainer.max_steps=4", f"resume={last}"])


def test_it_goes_on_with_an_average_and_is_measured_in_gray_too(run: TrainedRun) -> None:
    results = run.results
    resumed = (results.choices or {})["detector"] == "pelee"
    assert results.training is not None and results.training.steps == 3 + resumed
    assert results.training.resumed_at_step == (3 if resumed else None)
    assert results.test is not None and results.test_gray is not None
    saved = torch.load(run.checkpoint, weights_only=True)
    assert saved["ema_state_dict"] and all(value.isfinite().all() for value in saved["state_dict"].values())


def test_it_predicts_and_is_profiled(run: TrainedRun, tmp_path: Path, monkeypatch, capsys) -> None:
    image = next(run.run_dir.parents[2].joinpath("data").rglob("*.jpg"))
    found = lssd.predict(run.checkpoint, image, output=tmp_path / "found", score_threshold=0.0)
    assert found.images == 1
    outcome = run_command(monkeypatch, capsys, "profile", str(run.checkpoint), "repeats=1", "warmup=0")
    assert outcome.code is None and "anchors" in outcome.out


def test_its_onnx_file_finds_the_same(run: TrainedRun, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Expected outputs=boxes or outputs=nms for a head with a background class"):
        lssd.export(run.checkpoint, outputs="raw", output=tmp_path / "raw.onnx")
    if (run.results.choices or {})["detector"] == "pelee":  # one of the two, for time
        done = lssd.export(run.checkpoint, output=tmp_path / "detector.onnx", parity_images=2, measure="none")
        assert done.difference.pixels <= 1e-2 and done.difference.score <= 1e-4


def test_profile_of_an_untrained_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run_command(monkeypatch, capsys, "profile", "detector=pelee", "image_size=304", "warmup=0", "repeats=1")
    assert outcome.code is None
    assert "PeleeNet + ResidualPrediction, 20 classes, input 304×304, 5,142 anchors" in outcome.out
    assert "5,425,892" in outcome.out
