"""`evaluate`: measures a checkpoint or an exported file and leaves the files of a run, for the shell and for Python."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from msgspec import Meta

from lightweight_ssd.config.arguments import Checkpoint, Count, checked
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.overrides import quoted
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.runs.checkpoints import checkpoint_file, run_name
from lightweight_ssd.runs.results import RunResults, SplitMetrics
from lightweight_ssd.runs.results_file import read_results
from lightweight_ssd.runtimes.runtime import is_exported
from lightweight_ssd.system.output_folder import make_output_folder

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from lightweight_ssd.data.source import Source

__all__ = ["Evaluation", "default_output", "evaluate", "trained_precision"]

_PRECISIONS = ("32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true")


class Evaluation(NamedTuple):
    """A checkpoint or an exported file that was measured.

    Attributes:
        output: Folder of the metrics, detections and pictures.
        split: Name of the split that was measured.
        trained_in: Precision of the training; None where it is not known, and for an exported file.
    """

    output: Path
    split: str
    trained_in: str | None = None

    @property
    def results(self) -> RunResults:
        """All that was measured, read from `results.json`."""
        return read_results(self.output)

    @property
    def metrics(self) -> SplitMetrics:
        """Those of the split."""
        return getattr(self.results, self.split) or SplitMetrics()

    @property
    def precision_note(self) -> str | None:
        """A line where it was measured in another precision than that of the training, which tested in its own."""
        measured_in = self.results.precision
        if None in (measured_in, self.trained_in) or measured_in == self.trained_in:
            return None
        return f"measured in {measured_in}; training and its test ran in {self.trained_in}"


@checked
def evaluate(
    checkpoint: Checkpoint | None = None,
    *,
    model: Path | None = None,
    data: dict[str, Any] | None = None,
    split: Literal["val", "test"] = "test",
    output: Path | None = None,
    eval_batch_size: Count = 32,
    num_workers: Annotated[int, Meta(ge=0)] | None = None,
    pictures: Annotated[int, Meta(ge=0)] = 12,
    coco_metric: bool | None = True,
    postprocess: dict[str, Any] | None = None,
    trainer: dict[str, Any] | None = None,
) -> Evaluation:
    """Measures a detector on a split of its data or of other data; writes metrics, detections and pictures.

    What is not given comes from the configuration inside the checkpoint. With `model`, an exported file takes the place
    of the checkpoint's network, and there are no losses; `checkpoint` then says which data it is measured on.

    Args:
        checkpoint: File, such as `RUN/checkpoints/best.ckpt`, or the folder of a run, whose best checkpoint is taken.
        model: A file of `lssd export`, such as `detector.onnx`. Without a checkpoint, `data` is required.
        data: Other data, as the node `data` of a configuration; without `_target_` it changes settings of the
            checkpoint's own, such as `{"root": "/data/VOCdevkit"}`.
        split: Which split is measured.
        output: Folder to write into; None = `evaluations/<name of the run>[-last][-<name of the file>]-<split>`.
        eval_batch_size: Images per device.
        num_workers: Loader processes per device; None = one per core, at most 8.
        pictures: Images drawn with their detections.
        coco_metric: Whether COCO's metrics are computed beside VOC's.
        postprocess: Other settings of the post-processing: `score_threshold`, `iou_threshold`, `max_detections`,
            `max_candidates`; None = as in the checkpoint.
        trainer: Other settings of the trainer, such as `{"accelerator": "cpu"}`; its `precision` is that of the
            training where it is not given.

    Returns:
        Where everything lies; its `results` are the metrics.

    Raises:
        ValueError: For an argument out of its range, or data whose classes are not the checkpoint's.
        FileNotFoundError: If the checkpoint or the data does not exist.
    """
    _expect_one(checkpoint, model, data or {})
    from lightweight_ssd.training.datamodule import DetectionDataModule
    from lightweight_ssd.training.held_out import chosen_on, images_that_chose
    from lightweight_ssd.training.measure import measure
    from lightweight_ssd.training.quiet import quiet_frameworks
    from lightweight_ssd.training.split_data import SplitData
    from lightweight_ssd.training.subject import subject_of

    quiet_frameworks()
    checkpoint = None if checkpoint is None else checkpoint_file(checkpoint)
    folder = (output or default_output(checkpoint, split, model)).absolute()
    subject = subject_of(checkpoint, model, postprocess or {}, bool(coco_metric))
    config = subject.config
    source = _source(checkpoint, config, data or {}, subject.scorer.class_names)
    first_images = config["datamodule"]["first_images"] if checkpoint else None
    loader = DetectionDataModule(
        source,
        subject.resize(),
        subject.resize(),
        eval_batch_size=eval_batch_size,
        num_workers=num_workers,
        first_images=first_images,
    )
    make_output_folder(folder)
    trained_in = trained_precision(config, checkpoint) if checkpoint and model is None else None
    used = _trainer(trainer or {}, folder, trained_in or _PRECISIONS[0])
    measured = measure(used, subject.scorer, SplitData(loader, split))
    if used.is_global_zero:
        about: dict[str, Any] = {}
        if checkpoint is not None:
            chose = images_that_chose(checkpoint, config, source, data or {})
            about = {"checkpoint": str(checkpoint.absolute())}
            about |= chosen_on(checkpoint, loader.used_split(split), chose)
        subject.write(folder, used, loader, measured, about, split, pictures)
    return Evaluation(folder, split, trained_in)


def _expect_one(checkpoint: Path | None, model: Path | None, data: dict[str, Any]) -> None:
    """Refuses a measurement of nothing, or on no data."""
    if checkpoint is None and model is None:
        raise ValueError(
            "Expected checkpoint or model, but neither was given; give checkpoint=RUN/checkpoints/best.ckpt or "
            "model=FILE.onnx."
        )
    if checkpoint is not None and is_exported(checkpoint) and not checkpoint.is_dir():
        raise ValueError(f"Expected a checkpoint but got {checkpoint}, an exported file; give model={checkpoint}.")
    if checkpoint is None and "_target_" not in data:
        raise ValueError(
            f"Expected data to measure {model} on, but none was given; give data=voc data.root=FOLDER, or "
            "checkpoint=RUN for the data of the run that it was exported from."
        )


def default_output(checkpoint: Path | None, split: str, model: Path | None = None) -> Path:
    """The folder of an evaluation that is given none: named by the run and, unless it is the best, the checkpoint.

    Args:
        checkpoint: File; None for an exported file alone.
        split: That is measured.
        model: Exported file.

    Example:
        >>> str(default_output(Path("/runs/demo/checkpoints/last.ckpt"), "val"))
        'evaluations/demo-last-val'
        >>> str(default_output(None, "test", Path("out/detector.onnx")))
        'evaluations/detector.onnx-test'
    """
    names = [] if checkpoint is None else [run_name(checkpoint)]
    return Path("evaluations") / "-".join([*names, *([model.name] if model else []), split])


def _source(
    checkpoint: Path | None, config: dict[str, Any], asked: dict[str, Any], class_names: tuple[str, ...]
) -> "Source":
    """The data that was asked for, if it has the classes of the detector."""
    from lightweight_ssd.checkpoint.targets import check_targets
    from lightweight_ssd.config.instantiate import build

    if "_target_" not in asked:
        assert checkpoint is not None
        check_targets(config, "data", checkpoint)
        asked = {**config["data"], "cache_dir": None, **asked}  # a file from anywhere does not say where to write
    source = build(asked)
    if asked.get("class_names", "") is None and set(source.class_names) < set(class_names):
        source = build({**asked, "class_names": list(class_names)})  # of some of the classes the data has no object
    if tuple(source.class_names) != class_names:
        has_all = set(class_names) <= set(getattr(source, "all_class_names", ()))
        advice = (
            f"add 'data.classes=[{', '.join(map(_quoted, class_names))}]', which chooses these of the data's."
            if has_all
            else "give data with these (data.class_names; of data=coco the categories of data.train.annotations)."
        )
        raise ValueError(
            f"The data has the classes {list(source.class_names)}, but the detector was trained on "
            f"{list(class_names)}; {advice}"
        )
    return source


def _quoted(name: str) -> str:
    """A class name in a list on the command line, quoted only where it must be."""
    return name if name.isidentifier() else quoted(name)


def trained_precision(config: dict[str, Any], checkpoint: Path) -> str:
    """The precision of a checkpoint's training.

    Args:
        config: Of the checkpoint; one of an early version may not say it.
        checkpoint: For the message.

    Raises:
        ValueError: It is none that Lightning knows.
    """
    asked = str((config.get("trainer") or {}).get("precision") or "32-true")
    precision = f"{asked}-true" if asked in ("32", "64") else f"{asked}-mixed" if asked in ("16", "bf16") else asked
    if precision not in _PRECISIONS:
        raise ValueError(
            f"Expected the trainer.precision in {checkpoint} to be one of {', '.join(_PRECISIONS)}, but got {asked!r}; "
            "give a checkpoint of `lssd train`."
        )
    return precision


def _trainer(settings: dict[str, Any], output: Path, precision: str) -> "Trainer":
    from lightning.pytorch import Callback
    from lightning.pytorch.utilities import rank_zero_only

    from lightweight_ssd.config.instantiate import build
    from lightweight_ssd.training.callbacks.evaluation_lines import EvaluationLines
    from lightweight_ssd.training.callbacks.progress import Progress
    from lightweight_ssd.training.callbacks.skipped_files import SKIPPED_FILE, SkippedFiles

    rank_zero_only((output / SKIPPED_FILE).unlink)(missing_ok=True)  # of an earlier measurement
    node = settings if "_target_" in settings else {**resolved(compose(config="evaluate"))["trainer"], **settings}
    node = {**node, "precision": node.get("precision") or precision}
    callbacks: list[Callback] = [SkippedFiles(str(output))]
    if node.get("enable_progress_bar", True):
        progress = Progress()
        callbacks += [progress, EvaluationLines()] if progress.lines else [progress]
    return build(node, logger=False, enable_checkpointing=False, callbacks=callbacks)
