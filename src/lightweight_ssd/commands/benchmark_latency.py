"""`lssd benchmark latency`: one image at a time on the CPU, in every form, ours and other detectors."""

from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.benchmark.record import Figure, Record, interleaved, publish
from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.paths import CONF_DIR

if TYPE_CHECKING:  # torch takes seconds to import, which `--help` should not
    from lightweight_ssd.benchmark.runtimes import Contender, Form

__all__ = ["main", "measure"]

_LEAST = {"num_classes": 1, "image_size": 64, "rounds": 1, "warmup": 0, "threads": 1}


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="benchmark_latency")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd benchmark latency`."""
    with one_sentence_errors("lssd benchmark latency"):
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        publish(measure(config), config["results"])


def measure(config: dict[str, Any]) -> Record:
    """Times every contender in every form, in turns.

    Args:
        config: As composed from `conf/benchmark_latency.yaml`, plain containers.

    Raises:
        ValueError: For a setting that cannot be met.
    """
    import torch

    _check(config)
    before, notes = torch.get_num_threads(), []
    torch.set_num_threads(config["threads"])
    try:
        contenders = _contenders(config, notes)
        forms = _forms(config, contenders, notes)
        if not forms:
            raise ValueError(f"Expected a form that can be run here. {' '.join(notes)}")
        seconds = interleaved({key: form.run for key, form in forms.items()}, config["rounds"], config["warmup"])
    finally:
        torch.set_num_threads(before)
    milliseconds = {key: timing.median * 1000 for key, timing in seconds.items()}
    size, threads = config["image_size"], config["threads"]
    setting = f"One image of {size}×{size} to the raw outputs, {threads} thread(s), {config['rounds']} rounds."
    packages = ("torchvision", "ultralytics", "onnxruntime")
    return Record("latency", setting, _figures(milliseconds), [*_told(contenders, forms), *notes], packages)


def _check(config: dict[str, Any]) -> None:
    from lightweight_ssd.benchmark.runtimes import FORMS

    for key, least in _LEAST.items():
        if not isinstance(config[key], int) or config[key] < least:
            raise ValueError(f"Expected {key} as a whole number of at least {least} but got {config[key]}.")
    if not config["forms"] or set(config["forms"]) - set(FORMS):
        raise ValueError(f"Expected forms among {', '.join(FORMS)} but got {config['forms']}.")


def _contenders(config: dict[str, Any], notes: list[str]) -> list["Contender"]:
    import torch

    from lightweight_ssd.benchmark.runtimes import our_contender, peer_contenders
    from lightweight_ssd.config.instantiate import build

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ours = our_contender(build(config["detector"], num_classes=config["num_classes"]))
        return [ours, *(peer_contenders(config["num_classes"], notes) if config["peers"] else [])]


def _forms(config: dict[str, Any], contenders: list["Contender"], notes: list[str]) -> dict[tuple[str, str], "Form"]:
    """Forms by (form, contender), without those for which something is missing."""
    import torch

    from lightweight_ssd.benchmark.runtimes import make_form

    image = torch.rand(1, 3, *[config["image_size"]] * 2, generator=torch.Generator().manual_seed(0)) * 255
    keys = [(form, contender) for form in config["forms"] for contender in contenders]
    made = {(form, each.name): make_form(form, each.model, image, notes) for form, each in keys}
    return {key: form for key, form in made.items() if form}


def _figures(milliseconds: dict[tuple[str, str], float]) -> list[Figure]:
    """Ours beside each other's of the same form, then beside our own eager form."""
    ours = next(iter(milliseconds))[1]
    forms = list(dict.fromkeys(form for form, _ in milliseconds))
    lines = [
        Figure(f"{ours}, {form}", milliseconds[form, ours], "ms", name, theirs)
        for (form, name), theirs in milliseconds.items()
        if name != ours
    ]
    eager = milliseconds.get(("eager", ours))
    lines += [
        Figure(f"{ours}, {form}", milliseconds[form, ours], "ms", "eager", eager)
        for form in forms
        if eager is not None and form != "eager"
    ]
    return lines or [Figure(f"{ours}, {form}", milliseconds[form, ours], "ms") for form in forms]


def _told(contenders: list["Contender"], forms: dict[tuple[str, str], "Form"]) -> list[str]:
    """What to know beside the times: sizes, and what the forms cost before the first image."""
    sizes = ", ".join(f"{each.name} {each.parameters / 1e6:.2f} M" for each in contenders)
    waits = [f"{name} {form} {made.seconds_to_make:.0f} s" for (form, name), made in forms.items() if form != "eager"]
    return [f"Parameters: {sizes}."] + (
        [f"To compile or export, and the first image: {', '.join(waits)}."] if waits else []
    )
