"""`lssd data prepare`: downloads a public data set, checks it and unpacks it, ready to train on."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.overrides import name_first_argument, quoted
from lightweight_ssd.config.paths import CONF_DIR

if TYPE_CHECKING:  # requests takes a while to import, which `--help` should not
    from lightweight_ssd.download.archives import Download

__all__ = ["main", "prepare"]


def main() -> None:
    """Entry point of `lssd data prepare`: what to prepare may stand first, without its key."""
    name_first_argument("download")
    _command()


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="data_prepare")
def _command(cfg: DictConfig) -> None:
    with one_sentence_errors("lssd data prepare"):
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        prepare(config)


def prepare(config: dict[str, Any]) -> None:
    """Prepares what a configuration says, telling what it does.

    Args:
        config: As composed from `conf/data_prepare.yaml`, plain containers.

    Raises:
        ValueError: Nothing to prepare was chosen, or something does not work out (see `Download.prepare`).
    """
    if not config.get("download"):
        raise ValueError("Expected what to prepare but got nothing: lssd data prepare voc, or coco.")
    _check(config)
    download: "Download" = build(config["download"])
    root = Path(config["root"] or download.root)
    print(f"{download.title} → {root}" + (f"   (terms of use: {download.terms})" if download.terms else ""))
    archives = Path(config["archives"]) if config["archives"] else None
    parts = config["parts"] if config["parts"] is None else _names(config["parts"])
    done = download.prepare(root, parts, archives, config["attempts"], float(config["timeout"]))
    if not done:
        print("Everything is in place already; nothing was done.")
    print(_what_next(download, root))


def _check(config: dict[str, Any]) -> None:
    attempts, timeout = config["attempts"], config["timeout"]
    if not isinstance(attempts, int) or attempts < 1:
        raise ValueError(f"Expected attempts of at least 1 but got {attempts}.")
    if not isinstance(timeout, int | float) or not timeout > 0:
        raise ValueError(f"Expected timeout as seconds above 0 but got {timeout}.")


def _names(parts: Any) -> list[str]:
    """`parts=a` and `parts=[a,b]` alike; a year alone arrives as a number."""
    return [str(part) for part in parts] if isinstance(parts, list) else [str(parts)]


def _what_next(download: "Download", root: Path) -> str:
    use = download.use(root)
    if use is None:
        lacking = [part for part in download.archives if not download.is_there(root, part)]
        return f"To train on it, more of it is needed: {', '.join(lacking)}."
    return f"Train on it:  lssd train {use} {shlex.quote(f'data.root={_plain(root)}')}"


def _plain(path: Path) -> str:
    """A path as an override has it, quoted for Hydra only where it must be."""
    text = str(path)
    return text if text.replace("/", "").replace("_", "").replace(".", "").replace("-", "").isalnum() else quoted(text)
