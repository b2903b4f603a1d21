"""`lssd data convert`: a data set in VOC's format as COCO's, or the other way round."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.overrides import quoted
from lightweight_ssd.config.paths import CONF_DIR

if TYPE_CHECKING:  # torch takes seconds to import, which `--help` should not
    from lightweight_ssd.data.formats.packed import PackedAnnotations

__all__ = ["main"]

_SPLITS = ("train", "val", "test")
_IMAGES = {"coco": "images", "voc": "VOC2007/JPEGImages"}


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="data_convert")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd data convert`."""
    with one_sentence_errors("lssd data convert"):
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        output = _check(config)
        splits = _read(config)
        from lightweight_ssd.data.formats.convert import convert

        convert(splits, config["to"], output, config["images"])
        print(_summary(splits, config["to"], output, config["images"]))


def _check(config: Mapping[str, Any]) -> Path:
    """The folder to write, once everything that can be told without reading is known to be right."""
    if not config["to"] or not config["output"]:
        raise ValueError("Expected a format and a folder, but got none: set to=coco (or to=voc) and output=FOLDER.")
    if not config["splits"] or not set(config["splits"]) <= set(_SPLITS):
        raise ValueError(f"Expected splits among {', '.join(_SPLITS)}, but got {config['splits']}.")
    return Path(config["output"]).absolute()


def _read(config: Mapping[str, Any]) -> dict[str, "PackedAnnotations"]:
    from lightweight_ssd.config.instantiate import build

    source = build(config["data"])
    return {split: source.annotations(split) for split in config["splits"]}


def _summary(splits: Mapping[str, "PackedAnnotations"], to: str, output: Path, images: str) -> str:
    counts = [f"{name}: {len(one):,} images, {_objects(one)}" for name, one in splits.items()]
    skipped = sum(len(one.skipped) for one in splits.values())
    lines = [*counts, f"written to {output}"]
    if skipped:
        problems = "1 problem was" if skipped == 1 else f"{skipped:,} problems were"
        lines.append(f"{problems} got around (data.on_bad=skip), see {output / 'skipped.txt'}")
    if images == "none":
        lines.append(f"the images are still to be put into {output / _IMAGES[to]}")
    missing = [split for split in _SPLITS if split not in splits]
    if missing:
        names, options = " and ".join(missing), " and ".join(f"data.{split}" for split in missing)
        lines.append(f"to train on it, convert {names} too, or set {options} to files of your own")
        return "\n".join(lines)
    return "\n".join([*lines, "use it with", f"  {_command(splits, to, output)}"])


def _objects(annotations: "PackedAnnotations") -> str:
    """How many there are; crowds are not among them, since nobody has to find those."""
    crowds = int(annotations.crowd.sum())
    objects = f"{len(annotations.boxes) - crowds:,} objects"
    return f"{objects}, {crowds:,} crowd{'s' if crowds > 1 else ''}" if crowds else objects


def _command(splits: Mapping[str, "PackedAnnotations"], to: str, output: Path) -> str:
    """What trains on the result, where it has all splits."""
    names = ", ".join(quoted(name) for name in next(iter(splits.values())).class_names)
    overrides = [f"data={to}", f"data.root={quoted(output)}"]
    if to == "voc":
        overrides += [f"data.class_names=[{names}]", *(f"data.{split}.2007={split}" for split in splits)]
        overrides.append("data.train.2012=null")
    else:
        for split in splits:
            overrides += [
                f"data.{split}.annotations=annotations/instances_{split}.json",
                f"data.{split}.images=images",
            ]
    return f"lssd train {' '.join(map(shlex.quote, overrides))}"
