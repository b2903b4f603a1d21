"""`lssd data show`: a contact sheet of augmented samples with their boxes, each beside its image as it lies on disk."""

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.arguments import call
from lightweight_ssd.config.overrides import name_first_argument
from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd data show`."""
    name_first_argument("data")
    _main()


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="data_show")
def _main(cfg: DictConfig) -> None:
    with one_sentence_errors("lssd data show"):
        from lightweight_ssd.curation.show import data_show  # torch takes seconds to import, which `--help` should not

        if cfg.title is None:
            choices = HydraConfig.get().runtime.choices
            cfg.title = f"data={choices['data']} augment={choices['augment']}"
        sheet = call(data_show, cfg)
        images = "1 image" if sheet.images == 1 else f"{sheet.images} images"
        print(f"{images}, left as on disk, right as training sees them: {sheet.output}")
