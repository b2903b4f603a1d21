"""The page `docs/detectors.md`: a diagram of every detector, and the rows of Table 5, from the configs themselves."""

from typing import Any

import yaml

from lightweight_ssd.config.compose import choices_of, compose
from lightweight_ssd.config.detector_diagram import detector_diagram
from lightweight_ssd.config.option_text import describe
from lightweight_ssd.config.paths import CONF_DIR, options_of
from lightweight_ssd.config.settings import resolved

__all__ = ["detectors_page"]

_INTRODUCTION = """\
# Detectors

A detector is an option, `detector=…`, that brings a backbone, a neck, losses, a criterion and a learning rate which fit
it; each of them can be replaced. `lssd config detector` lists the detectors; with settings, `lssd config` draws one.

```sh
lssd config detector=ssd neck=fpn
lssd profile detector=ssd backbone=mobilenet_v2
lssd train -m experiment=table5 seed=0,1,2 data.root=VOCdevkit      # every row of the table below
```

The diagrams are drawn from the configurations, with short settings in brackets. The chain goes from the image to the
raw outputs; *training* is what the criterion is made of, *detections* what the post-processing does.
"""
_TABLE = """\
## Table 5 of the paper

`row=table5/NAME` trains a row, and `lssd benchmark rows` times them ([Benchmarks](benchmarks.md)). Parameters are for
the 20 classes of VOC; mAP is in percent on VOC 2007 test, as the paper prints it.

| Row | NAME | Input | Parameters, here | Parameters, paper | mAP, paper | What the paper's numbers are |
|---|---|---|---|---|---|---|
"""


def detectors_page() -> str:
    """The whole page as Markdown; `docs/detectors.md` is what it returns.

    The diagram of a detector is that of the first row of Table 5 which has it, else of `detector=…` alone.
    """
    rows = {name: _read("row", name) for name in options_of("row") if name.startswith("table5/")}
    order = sorted(rows, key=_grid().index)
    first = {_detector(rows[name]): name for name in reversed(order)}
    parts = [_section(option, first.get(option)) for option in options_of("detector")]
    return "\n".join([_INTRODUCTION, *parts, _TABLE + "\n".join(_line(name, rows[name]) for name in order)]) + "\n"


def _section(option: str, row: str | None) -> str:
    cfg = compose([f"detector={option}"] if row is None or option == "ssd" else [f"row={row}"])
    about = describe(CONF_DIR / "detector" / f"{option}.yaml")
    sentence = about[0].upper() + about[1:]
    return f"## {option}\n\n{sentence}.\n\n```text\n{detector_diagram(resolved(cfg), choices_of(cfg))}\n```\n"


def _grid() -> list[str]:
    """The rows in the paper's order."""
    names: str = _read("experiment", "table5")["hydra"]["sweeper"]["params"]["row"]
    return [name.strip() for name in names.split(",")]


def _detector(row: dict[str, Any]) -> str:
    return next((each["override /detector"] for each in row["defaults"] if "override /detector" in each), "ssd")


def _line(name: str, file: dict[str, Any]) -> str:
    row, size = file["row"], file["image_size"]
    count = row["paper"].get("parameters")
    printed = f"{count / 1e6:g} M" if count else ""
    cells = (row["label"], f"`{name.removeprefix('table5/')}`", f"{size}×{size}", f"{row['parameters']:,}", printed)
    return "| " + " | ".join([*cells, f"{100 * row['paper']['map_50']:g}", row["note"]]) + " |"


def _read(group: str, name: str) -> dict[str, Any]:
    return yaml.safe_load((CONF_DIR / group / f"{name}.yaml").read_text(encoding="utf-8"))
