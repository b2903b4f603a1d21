"""`lssd data check`: everything that is wrong with a data set, in one table and one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.overrides import name_first_argument
from lightweight_ssd.config.paths import CONF_DIR

if TYPE_CHECKING:  # its imports take seconds, which `--help` should not
    from lightweight_ssd.data.checks.problems import Findings

__all__ = ["check", "main", "summary"]


def main() -> None:
    """Entry point of `lssd data check`; ends with code 1 if anything is wrong that is more than a note."""
    name_first_argument("data")
    _main()


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="data_check")
def _main(cfg: DictConfig) -> None:
    with one_sentence_errors("lssd data check"):
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        findings, images = check(config)
        print(summary(findings, images, config))
        if findings.errors:
            raise SystemExit(1)


def check(config: dict[str, Any]) -> tuple["Findings", dict[str, int]]:
    """Checks a data source and writes the list of what is wrong.

    Args:
        config: As composed from `conf/data_check.yaml`, plain containers.

    Returns:
        What was found, and the number of images by split.

    Raises:
        ValueError, FileNotFoundError: For a setting that cannot be met.
    """
    from lightweight_ssd.config.instantiate import build
    from lightweight_ssd.data.checks.dataset import check_source
    from lightweight_ssd.data.checks.problems import Findings

    _check_settings(config)
    source = build(config["data"])
    with Findings(_output_file(config["output"])) as findings:
        images = check_source(source, findings, config["decode"], config["workers"])
    return findings, images


def _check_settings(config: dict[str, Any]) -> None:
    if not isinstance(config["decode"], bool):
        raise ValueError(f"Expected decode=true or decode=false, but got {config['decode']}.")
    workers = config["workers"]
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise ValueError(f"Expected workers as a whole number of at least 1, or null, but got {workers}.")


def _output_file(output: str) -> Path:
    """The file to write, in a folder known to be writable before hours of reading."""
    from lightweight_ssd.system.output_folder import make_output_folder

    path = Path(output)
    if path.is_dir():
        raise ValueError(f"Expected a file for output=… but {path} is a folder; give output={path / 'problems.csv'}.")
    return make_output_folder(path.parent) / path.name


def summary(findings: "Findings", images: dict[str, int], config: dict[str, Any]) -> str:
    """What the terminal shows: how much was read, the table, the first error of each kind, and what to do."""
    counts = ", ".join(f"{split} {count:,}" for split, count in images.items())
    totals = f"{_count(findings.errors, 'error')}, {_count(findings.notes, 'note')}"
    blocks = [
        f"images read: {counts}{' (headers only; decode=true finds damaged pixels, too)' * (not config['decode'])}",
        findings.table(),
        findings.examples(),
        "\n".join([f"{totals}; the whole list: {config['output']}", *_advice(findings)]),
    ]
    return "\n\n".join(block for block in blocks if block)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}" if number else f"no {word}s"


def _advice(findings: "Findings") -> list[str]:
    from lightweight_ssd.data.checks.problems import NOTES, SKIPPED

    errors = [kind for kind in findings.counts if kind not in NOTES]
    stubborn = ", ".join(kind for kind in errors if kind not in SKIPPED)
    advice = []
    if not SKIPPED.isdisjoint(errors):
        advice.append("Correct these files, or let training leave their images out: data.on_bad=skip.")
    if stubborn:
        advice.append(f"Correct this in any case, which data.on_bad=skip does not get around: {stubborn}.")
    return advice
