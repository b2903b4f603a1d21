"""Conditions of a run: settings that may change its metrics a little although they are no part of what it computes.

They are left out of the hash that names a run's folder, so that the same run is found again on other hardware; hence
they are recorded, and compared when a run goes on or is found to be finished.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lightweight_ssd.runs.files import IDENTITY_FILE
from lightweight_ssd.system.json_file import read_json

__all__ = ["CONDITIONS", "changed_conditions", "conditions_of", "recorded_conditions"]

CONDITIONS = (
    "compile", "channels_last", "trainer.accelerator", "trainer.devices", "trainer.num_nodes", "trainer.strategy",
    "data.root",
)  # fmt: skip


def conditions_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The conditions by dotted key; those that a configuration lacks or leaves to a measurement are left out.

    Args:
        config: Resolved configuration, plain containers.

    Example:
        >>> conditions_of({"compile": True, "trainer": {"devices": 2}, "seed": 0})
        {'compile': True, 'trainer.devices': 2}
    """
    found = {}
    for key in CONDITIONS:
        group, _, name = key.rpartition(".")
        node = config.get(group) if group else config
        if isinstance(node, Mapping) and name in node and not (key == "channels_last" and node[name] is None):
            found[key] = node[name]
    if found.get("data.root") is not None:
        found["data.root"] = str(Path(str(found["data.root"])).absolute())
    return found


def recorded_conditions(run_dir: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The conditions that a run has noted: the last ones, and those of its earlier parts where they were others."""
    try:
        identity = read_json(run_dir / IDENTITY_FILE)
        return dict(identity.get("conditions") or {}), list(identity.get("earlier_conditions") or [])
    except (OSError, ValueError, TypeError, AttributeError):
        return {}, []


def changed_conditions(now: Mapping[str, Any], before: Mapping[str, Any]) -> tuple[str, str]:
    """What differs, as one would type it, now and before; both are empty where nothing does.

    Example:
        >>> changed_conditions({"compile": True, "trainer.devices": 1}, {"compile": False, "trainer.devices": 1})
        ('compile=true', 'compile=false')
    """
    differing = [key for key in CONDITIONS if key in now and key in before and now[key] != before[key]]
    typed = (", ".join(f"{key}={_typed(values[key])}" for key in differing) for values in (now, before))
    return next(typed), next(typed)


def _typed(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("\n").removesuffix("\n...")
