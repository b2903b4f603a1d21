"""`lssd data show`: boxes per class and size beside the anchors, and augmented samples beside their originals."""

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
    from lightweight_ssd.commands.data_tables import statistics_text
    from lightweight_ssd.curation.show import data_show  # torch takes seconds to import, which `--help` should not

    if cfg.title is None:
        choices = HydraConfig.get().runtime.choices
        cfg.title = f"data={choices['data']} augment={choices['augment']}"
    sheet = call(data_show, cfg)
    for note in sheet.notes:
        print(note)
    print(f"{statistics_text(sheet.statistics)}\n")
    if sheet.chart is not None:
        print(f"counts, sizes and anchors: {sheet.chart}")
    images = "1 image" if sheet.images == 1 else f"{sheet.images} images"
    print(f"{images}, left as on disk, right as training sees them: {sheet.output}")
