"""`lssd data show`: a contact sheet of augmented samples with their boxes, each beside its image as it lies on disk."""

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.config.arguments import call
from lightweight_ssd.config.bare_arguments import data_key

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd data show`."""
    run_application(_run, "data_show", "lssd data show", data_key)


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.curation.show import data_show  # torch takes seconds to import, which `--help` should not

    if cfg.title is None:
        choices = HydraConfig.get().runtime.choices
        cfg.title = f"data={choices['data']} augment={choices['augment']}"
    sheet = call(data_show, cfg)
    images = "1 image" if sheet.images == 1 else f"{sheet.images} images"
    print(f"{images}, left as on disk, right as training sees them: {sheet.output}")
