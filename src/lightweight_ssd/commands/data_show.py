"""`lssd data show`: boxes per class and size beside the anchors, and augmented samples beside their originals."""

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.config.arguments import call
from lightweight_ssd.config.bare_arguments import data_key

__all__ = ["main"]

_DETECTOR = ("backbone", "neck", "detector")
_NOT_SHOWN = ("classification", "loss", "criterion", "optim")  # parts that an option of the detector brings


def main() -> None:
    """Entry point of `lssd data show`."""
    run_application(_run, "data_show", "lssd data show", data_key)


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.commands.data_tables import statistics_text
    from lightweight_ssd.curation.show import data_show  # torch takes seconds to import, which `--help` should not

    if cfg.title is None:
        choices = HydraConfig.get().runtime.choices
        cfg.title = f"data={choices['data']} augment={choices['augment']}"
    sheet = call(data_show, OmegaConf.masked_copy(cfg, [key for key in map(str, cfg) if key not in _NOT_SHOWN]))
    for note in sheet.notes:
        print(note)
    print(f"{statistics_text(sheet.statistics)}\n{_compared(cfg)}\n")
    if sheet.chart is not None:
        print(f"counts, sizes and anchors: {sheet.chart}")
    images = "1 image" if sheet.images == 1 else f"{sheet.images} images"
    print(f"{images}, left as on disk, right as training sees them: {sheet.output}")


def _compared(cfg: DictConfig) -> str:
    """Whose anchors these are; where nothing was said about it, how to name another detector."""
    choices, typed = HydraConfig.get().runtime.choices, HydraConfig.get().overrides.task
    parts = " ".join(f"{group}={choices[group]}" for group in _DETECTOR)
    named = any(each.lstrip("+~").startswith((*_DETECTOR, "image_size")) for each in typed)
    hint = "" if named else ", the default; name the detector that you will train, such as experiment=finetune"
    return f"these are the anchors of {parts} image_size={cfg.image_size}{hint}"
