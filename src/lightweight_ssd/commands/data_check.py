"""`lssd data check`: everything that is wrong with a data set, in one table and one file."""

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.config.arguments import call
from lightweight_ssd.config.bare_arguments import data_key

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd data check`; ends with code 1 if anything is wrong that is more than a note."""
    run_application(_run, "data_check", "lssd data check", data_key)


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.curation.check import data_check  # OpenCV takes a while, which `--help` should not

    check = call(data_check, cfg)
    print(check)
    if check.errors:
        raise SystemExit(1)
