"""`lssd data check`: everything that is wrong with a data set, in one table and one file."""

import hydra
from omegaconf import DictConfig

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.arguments import call
from lightweight_ssd.config.overrides import name_first_argument
from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd data check`; ends with code 1 if anything is wrong that is more than a note."""
    name_first_argument("data")
    _main()


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="data_check")
def _main(cfg: DictConfig) -> None:
    with one_sentence_errors("lssd data check"):
        from lightweight_ssd.curation.check import data_check  # OpenCV takes a while, which `--help` should not

        check = call(data_check, cfg)
        print(check)
        if check.errors:
            raise SystemExit(1)
