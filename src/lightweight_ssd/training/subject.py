"""What `lssd evaluate` measures: a checkpoint, or an exported file, with or without the checkpoint it was made of."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from lightning.pytorch import Trainer

from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.checkpoint.load import load_detector
from lightweight_ssd.checkpoint.targets import check_targets
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.metrics.coco import COCOMetric
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.ops.thresholds import Thresholds, known_thresholds
from lightweight_ssd.profiling.complexity import complexity
from lightweight_ssd.runtimes.card import Card
from lightweight_ssd.runtimes.runtime import load_runtime
from lightweight_ssd.training.datamodule import DetectionDataModule
from lightweight_ssd.training.exported_scorer import ExportedScorer
from lightweight_ssd.training.measure import Measured, Scorer
from lightweight_ssd.training.outputs import record_results, split_metrics, write_data_pictures, write_evaluation
from lightweight_ssd.training.stages import Parts, write_run
from lightweight_ssd.training.task import DetectionTask

__all__ = ["Subject", "subject_of"]


class Subject(NamedTuple):
    """A detector to measure.

    Attributes:
        scorer: Takes batches through it.
        config: Of the checkpoint, with the post-processing that was asked for; of an exported file alone, only that.
        task: The checkpoint's parts; None without a checkpoint.
        model: The exported file; None for the checkpoint itself.
        card: Of that file.
    """

    scorer: Scorer
    config: dict[str, Any]
    task: DetectionTask | None
    model: Path | None = None
    card: Card | None = None

    def resize(self) -> Pipeline:
        """From image files to the input of the network."""
        if self.card is None:
            return build(self.config["datamodule"]["resize"])
        return Pipeline({}, self.card.image_size)

    def write(
        self,
        folder: Path,
        trainer: Trainer,
        data: DetectionDataModule,
        measured: Measured,
        about: dict[str, Any],
        split: str,
        pictures: int,
    ) -> None:
        """Writes the files that a run leaves, too.

        Args:
            folder: To write into.
            trainer: That measured.
            data: Whose split was measured.
            measured: On the split.
            about: What else `results.json` is to say.
            split: Name of the split.
            pictures: Images drawn with their detections.
        """
        if self.task is not None and self.card is None:
            config = {**self.config, "pictures": pictures}
            write_run(folder, Parts(trainer, self.task, data), config, measured, about, split)
            return
        ids = data.datasets[split].annotations.category_ids
        write_evaluation(folder, data.used_annotations(split), measured.detections, measured.result, pictures, ids)
        write_data_pictures(folder, {name: dataset.annotations for name, dataset in data.datasets.items()})
        root = str(Path(str(data.source.root)).absolute())
        about = {**about, **self._about_file(), "data": {"root": root, "digests": data.state_dict()}}
        record_results(folder, split, split_metrics(measured.result, measured.coco), self.config, about)

    def _about_file(self) -> dict[str, Any]:
        """Which file was measured; what its network costs is known from the checkpoint alone."""
        assert self.card is not None and self.model is not None
        size = list(self.card.image_size)
        cost = complexity(self.task.detector, size) if self.task else {"input_size": size}
        return {**cost, "model": str(self.model.absolute()), "precision": self.card.precision}


def subject_of(checkpoint: Path | None, model: Path | None, postprocess: dict[str, Any], coco: bool) -> Subject:
    """Loads what is to be measured.

    Args:
        checkpoint: File; may be None where there is an exported file.
        model: Exported file in place of the checkpoint's network.
        postprocess: Settings to change; null ones stay as they are.
        coco: Whether COCO's metrics are computed beside VOC's.

    Raises:
        FileNotFoundError, ValueError: One of them cannot be used, or they have not the same classes.
    """
    asked = {name: value for name, value in postprocess.items() if value is not None}
    if model is None:
        assert checkpoint is not None
        config, task = _of_checkpoint(checkpoint, asked, coco)
        return Subject(task.scorer, config, task)
    runtime = load_runtime(model)
    card = runtime.card
    thresholds = Thresholds(**known_thresholds({**asdict(card.thresholds), **asked}))
    config: dict[str, Any] = {"seed": None, "experiment_name": None, "detector": {}}
    task = None
    if checkpoint is not None:
        config, task = _of_checkpoint(checkpoint, {}, False)
    if task is not None and list(task.scorer.class_names) != card.class_names:
        raise ValueError(
            f"Expected {model} to have the classes of {checkpoint}, {list(task.scorer.class_names)}, but got "
            f"{card.class_names}; give the run that it was exported from."
        )
    config = {**config, "detector": {**config["detector"], "postprocess": asdict(thresholds)}}
    metrics = VOCMetric(card.class_names), COCOMetric(card.class_names) if coco else None
    return Subject(ExportedScorer(runtime, thresholds, *metrics), config, task, model, card)


def _of_checkpoint(checkpoint: Path, asked: dict[str, Any], coco: bool) -> tuple[dict[str, Any], DetectionTask]:
    """The checkpoint's configuration, with the settings that were asked for, and its parts."""
    detector, config, class_names = load_detector(checkpoint)
    for part in ("criterion", "datamodule.resize"):
        check_targets(config, part, checkpoint)
    config["detector"]["postprocess"].update(asked)
    detector.postprocess = replace(detector.postprocess, **known_thresholds(asked))
    coco_metric = COCOMetric(class_names) if coco else None
    return config, DetectionTask(detector, build(config["criterion"]), VOCMetric(class_names), coco_metric=coco_metric)
