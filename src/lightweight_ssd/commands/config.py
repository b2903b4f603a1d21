"""`lssd config`: the config groups and their options, read from the files themselves, and a detector as a diagram."""

import argparse
import difflib
from pathlib import Path

import yaml

from lightweight_ssd.config.option_text import describe
from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["default_options", "groups", "main", "overview"]

_NOT_GROUPS = ("hydra",)

_EPILOG = """\
examples:
  lssd config          all groups
  lssd config loss     the losses only
  lssd config detector=ssd neck=fpn
                       the detector that lssd train would build with these, as a diagram

Choose an option by its name: lssd train loss=ciou
"""


def main() -> None:
    """Entry point of `lssd config`."""
    parser = argparse.ArgumentParser(
        "lssd config",
        description="Shows the config groups and their options, one line each; * marks the default of lssd train.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("group", nargs="?", metavar="GROUP", help="show this group only")
    parser.add_argument("overrides", nargs="*", metavar="GROUP=OPTION", help="show the detector of these settings")
    arguments = parser.parse_args()
    wanted, known = arguments.group, groups(CONF_DIR)
    if wanted is not None and "=" in wanted:
        print(_diagram([wanted, *arguments.overrides]))
        return
    if wanted is not None and wanted not in known:
        raise SystemExit(f"lssd config: {_unknown(wanted, list(known))}")
    shown = known if wanted is None else {wanted: known[wanted]}
    print(overview(shown, default_options(CONF_DIR / "train.yaml")))
    print("\n* default of lssd train; another: GROUP=OPTION")


def _diagram(overrides: list[str]) -> str:
    from lightweight_ssd.config.compose import choices_of, compose  # here: a list of options needs no Hydra
    from lightweight_ssd.config.detector_diagram import detector_diagram
    from lightweight_ssd.config.settings import resolved

    try:
        cfg = compose(overrides)
        return detector_diagram(resolved(cfg), choices_of(cfg))
    except ValueError as error:
        raise SystemExit(f"lssd config: {error}") from None


def groups(conf: Path) -> dict[str, dict[str, str]]:
    """Description of every option by group; first the groups of `lssd train` in its order, then the others.

    Args:
        conf: Root of the configs.
    """
    folders = [folder for folder in sorted(conf.iterdir()) if folder.is_dir() and folder.name not in _NOT_GROUPS]
    order = list(default_options(conf / "train.yaml"))
    folders.sort(key=lambda folder: order.index(folder.name) if folder.name in order else len(order))
    found = {folder.name: {_option(file, folder): describe(file) for file in _options(folder)} for folder in folders}
    return {group: options for group, options in found.items() if options}


def _options(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.yaml"))


def _option(file: Path, group: Path) -> str:
    """What to type for it; options of a table's rows lie in a folder of the table."""
    return file.relative_to(group).with_suffix("").as_posix()


def default_options(root: Path) -> dict[str, str | None]:
    """Option by group, from the defaults list of a command's root config; None where nothing is chosen."""
    entries = yaml.safe_load(root.read_text())["defaults"]
    chosen = [item for entry in entries if isinstance(entry, dict) for item in entry.items()]
    return {group: option for group, option in chosen if not group.startswith("override ")}


def overview(shown: dict[str, dict[str, str]], defaults: dict[str, str | None]) -> str:
    """One line per option under the name of its group.

    Example:
        >>> print(overview({"neck": {"fpn": "a pyramid", "none": "no neck"}}, {"neck": "fpn"}))
        neck
          * fpn   a pyramid
            none  no neck
    """
    width = max((len(option) for options in shown.values() for option in options), default=0)
    blocks = []
    for group, options in shown.items():
        marks = {option: "*" if defaults.get(group) == option else " " for option in options}
        lines = [f"  {marks[option]} {option:<{width}}  {text}".rstrip() for option, text in options.items()]
        blocks.append("\n".join([group, *lines]))
    return "\n\n".join(blocks)


def _unknown(wanted: str, known: list[str]) -> str:
    close = difflib.get_close_matches(wanted, known, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"choose one of {', '.join(known)}."
    return f"there is no group {wanted!r}; {hint}"
