"""A measurement: of any split, of another version of its images, with nothing left behind in the parts."""

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger
from tests.running import smoke_config

from lightweight_ssd.config.settings import resolved
from lightweight_ssd.metrics.coco import COCOMetric
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.training.measure import Measured, Scorer, measure
from lightweight_ssd.training.split_data import SplitData
from lightweight_ssd.training.stages import Parts, gray_images, prepare


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    torch.manual_seed(0)
    (tmp_path / "run").mkdir()
    made = prepare(resolved(smoke_config(tmp_path, "callbacks.progress=null")))
    made.detector.eval()
    return made


def _measure(parts: Parts, data: SplitData, stage: str | None = None) -> Measured:
    return measure(parts.trainer, parts.task.scorer, data, stage)


def test_either_split_is_measured_and_everything_is_as_before(parts: Parts) -> None:
    weights = {name: value.clone() for name, value in parts.detector.state_dict().items()}
    test = _measure(parts, SplitData(parts.datamodule, "test"))
    val = _measure(parts, SplitData(parts.datamodule, "val"))
    for split, measured in (("test", test), ("val", val)):
        ids = [known.image_id for known in parts.datamodule.used_annotations(split)]
        assert list(measured.detections) == sorted(ids) and len(ids) == 7
        assert measured.coco is not None and measured.result.objects.sum() > 0
    assert any(not torch.equal(test.detections[key].boxes, val.detections[key].boxes) for key in test.detections)
    again = _measure(parts, SplitData(parts.datamodule, "test"))
    assert again.scalars() == test.scalars()
    assert all(torch.equal(value, weights[name]) for name, value in parts.detector.state_dict().items())


def test_the_gray_version_leaves_the_images_of_the_split_as_they_are(parts: Parts, tmp_path: Path) -> None:
    config = resolved(smoke_config(tmp_path))
    plain, gray = (SplitData(parts.datamodule, "test", resize) for resize in (None, gray_images(config)))
    for data in (plain, gray, plain):
        data.setup("test")
    in_color, in_gray = (next(iter(data.test_dataloader())).images for data in (plain, gray))
    assert torch.equal(in_gray[:, 0], in_gray[:, 1]) and not torch.equal(in_color[:, 0], in_color[:, 1])
    assert torch.equal(next(iter(plain.test_dataloader())).images, in_color)
    assert [known.path for known in gray.datasets["test"].annotations] == [
        known.path for known in parts.datamodule.used_annotations("test")
    ]


def test_metrics_are_logged_under_the_name_of_the_stage(parts: Parts, tmp_path: Path) -> None:
    trainer = Trainer(accelerator="cpu", logger=CSVLogger(str(tmp_path / "log")), enable_checkpointing=False)
    measured = measure(trainer, parts.task.scorer, SplitData(parts.datamodule, "test"), "test_gray")
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    terms = {"loss", "classification", "localization"}
    assert set(logged) == {f"test_gray/{name}" for name in (*measured.scalars(), *terms)}
    assert logged["test_gray/map_50"] == pytest.approx(measured.result.map_50)
    assert "coco_ap" in measured.scalars() and "test_gray/coco_ar_100" in logged


def test_without_coco_there_is_none(parts: Parts) -> None:
    scorer = Scorer(parts.detector, parts.task.criterion, VOCMetric(parts.datamodule.source.class_names))
    measured = measure(parts.trainer, scorer, SplitData(parts.datamodule, "test"))
    assert measured.coco is None and not [name for name in measured.scalars() if name.startswith("coco")]


def test_a_scorer_forgets_the_images_that_it_has_scored(parts: Parts) -> None:
    data = SplitData(parts.datamodule, "test")
    data.setup("test")
    (first, second) = list(data.test_dataloader())
    scorer = parts.task.scorer
    with torch.inference_mode():
        scorer.update(first)
        scorer.finish()
        scorer.update(second)
        measured = scorer.finish()
    assert list(measured.detections) == sorted(known.image_id for known in second.annotations)


def test_a_measurement_on_other_processes_than_the_trainers_is_refused(parts: Parts) -> None:
    from lightweight_ssd.training.measure import Measurement

    measurement = Measurement(parts.task.scorer, "test", print)
    measurement.trainer = Mock(spec=Trainer, world_size=2)
    with pytest.raises(ValueError, match="counts on 2 processes, but 1 are there"):
        measurement.setup("test")


def test_a_killed_loader_process_is_named(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """With PyTorch's own error, which names a process only; the real kill is tested where training reads."""
    data = SplitData(parts.datamodule, "test")
    data.setup("test")
    monkeypatch.setattr(data.datasets["test"].notes, "find", lambda pid: 3 if pid == 4711 else None)
    path = parts.datamodule.used_annotations("test")[3].path
    with pytest.raises(ValueError, match=f"process 4711 .* {path}"), data.naming_dead_workers():
        raise RuntimeError("DataLoader worker (pid 4711) is killed by signal: Killed.")


def test_scalars_put_coco_beside_voc() -> None:
    voc, coco = VOCMetric(["a"]), COCOMetric(["a"])
    with np.errstate(all="ignore"):
        measured = Measured(voc._score([]), coco._score([]), {})
    assert {"map_50", "coco_ap"} <= measured.scalars().keys()
