"""What the commands `lssd benchmark …` share: they call a benchmark, print its record and append it to a file."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.benchmark.all import HISTORY_FILE
from lightweight_ssd.benchmark.history import append_history
from lightweight_ssd.benchmark.record import Record, append_section, to_markdown

__all__ = ["publish", "settings_of"]


def settings_of(cfg: DictConfig, apart: Collection[str] = ()) -> dict[str, Any]:
    """The settings of a benchmark's function, plain containers.

    Args:
        cfg: Configuration of the command.
        apart: Keys that only help to compose the others; `results` is always one of them.
    """
    config: Any = OmegaConf.to_container(cfg, resolve=True)
    return {str(key): value for key, value in config.items() if key not in {"results", *apart} and value != "???"}


def publish(benchmark: Callable[..., Record], settings: Mapping[str, Any], results: str | Path | None) -> None:
    """Runs a benchmark, prints its record and appends it to the file of results and to the history beside it.

    Args:
        benchmark: Function of a benchmark.
        settings: Its arguments.
        results: Markdown file, created where it does not exist; None = the record is only printed.

    Raises:
        ValueError: `results` is a folder (known before anything is measured), or the benchmark refuses a setting.
    """
    path = None if results is None else Path(str(results))
    if path is not None and path.is_dir():
        raise ValueError(f"Expected a file for results=… but {path} is a folder; give results={path / 'RESULTS.md'}.")
    record = benchmark(**settings)
    text = to_markdown(record)
    print(text, flush=True)
    if path is not None:
        append_section(path, text)
        append_history(path.with_name(HISTORY_FILE), record)
        print(f"appended to {path}")
