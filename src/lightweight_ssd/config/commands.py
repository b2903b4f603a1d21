"""The functions behind the commands, whose parameters are the commands' settings."""

from functools import cache
from pathlib import Path
from typing import get_args

from lightweight_ssd.config.signatures import Parameter, signature_of

__all__ = ["parameters_of", "path_keys"]

_TRAIN = "config.train_settings.TrainSettings"
_FUNCTIONS = {
    "data_check": ("curation.check.data_check",),
    "data_convert": ("curation.convert.data_convert",),
    "data_prepare": ("curation.prepare.data_prepare",),
    "data_show": ("curation.show.data_show",),
    "evaluate": ("training.evaluation.evaluate",),
    "export": ("export.export.export",),
    "predict": ("prediction.predict.predict",),
    "profile": ("profiling.profile.profile",),
    "report": ("report.build.build_report", "commands.report._report"),
    "train": (_TRAIN,),
    "benchmark_step": (_TRAIN, "benchmark.step.benchmark_step"),
}


@cache
def parameters_of(config: str) -> dict[str, Parameter]:
    """The settings of a command that belong to no part, by name.

    Args:
        config: Name of the command's configuration, such as `data_check`.

    Example:
        >>> parameters_of("predict")["batch_size"].required
        False
    """
    targets = _FUNCTIONS.get(config, (f"benchmark.{config.removeprefix('benchmark_')}.{config}",))
    signatures = [signature_of(f"lightweight_ssd.{target}") for target in targets]
    return {name: each for found in signatures if found for name, each in found.parameters.items()}


@cache
def path_keys(config: str) -> frozenset[str]:
    """Those that are files or folders.

    Example:
        >>> sorted(path_keys("predict"))
        ['checkpoint', 'model', 'output', 'source']
    """
    return frozenset(name for name, each in parameters_of(config).items() if _holds_path(each.hint))


def _holds_path(hint: object) -> bool:
    return hint is Path or any(map(_holds_path, get_args(hint)))
