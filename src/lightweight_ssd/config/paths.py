"""Where the Hydra configs lie: beside the package in a wheel, at the top of the repository in a checkout."""

from collections.abc import Iterable
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]

CONF_DIR = next(
    (path for path in (_PACKAGE / "conf", _PACKAGE.parents[1] / "conf") if path.is_dir()), _PACKAGE / "conf"
)


def options_of(group: str) -> list[str]:
    """The options of a config group by name, those of a table's rows with their table; empty for what is no group.

    Example:
        >>> options_of("optim")
        ['adamw', 'sgd']
    """
    folder = CONF_DIR / group
    return sorted(file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.yaml"))


def options_of_groups(names: Iterable[str]) -> dict[str, list[str]]:
    """The options of those names that are config groups, by name."""
    groups = {name: options_of(name) for name in names if (CONF_DIR / name).is_dir()}
    return {name: options for name, options in groups.items() if options}
