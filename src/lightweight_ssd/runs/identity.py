"""What a run is: the hash of what it computes, the row of the table it belongs to, and what was asked for."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.config.instantiate import build
from lightweight_ssd.data.digest import check_same_data, digests_of
from lightweight_ssd.runs.conditions import changed_conditions, conditions_of, recorded_conditions
from lightweight_ssd.runs.content import content_hash, data_content
from lightweight_ssd.runs.files import CONFIG_FILE, IDENTITY_FILE
from lightweight_ssd.runs.results_file import read_results
from lightweight_ssd.runs.typed_file import read_mapping

__all__ = ["check_is_the_run", "conditions_note", "content_of", "continued", "identify", "row_of"]


def content_of(cfg: DictConfig) -> str:
    """The hash of what the run computes, whatever its folder; `experiment_name` must be set."""
    return _hash(cfg, run_dir=None)


def row_of(cfg: DictConfig) -> str:
    """The same with the seed left out: equal for the runs that an ablation averages."""
    return _hash(cfg, run_dir=None, seed=None)


def check_is_the_run(cfg: DictConfig, run_dir: Path) -> None:
    """Refuses to take a finished run of the same content for this one if its data, elsewhere, was another.

    Args:
        cfg: The configuration that is asked for.
        run_dir: Folder of the finished run.

    Raises:
        ValueError: What is annotated differs from the run's. It is read only where it may: `data.root` is another one,
            or `data` says the same in other words, since the run is of an earlier version.
    """
    data = read_results(run_dir).data
    recorded = msgspec.structs.asdict(data) if data else {}
    known = read_mapping(run_dir / CONFIG_FILE)[0].get("data")
    asked: dict[str, Any] = OmegaConf.to_container(cfg.data, resolve=True)  # pyright: ignore[reportAssignmentType]
    in_other_words = isinstance(known, dict) and data_content(known) != data_content(asked)

    def read() -> dict[str, str]:
        return digests_of(build(cfg.data), cfg.datamodule.first_images)

    check_same_data(cfg.data.get("root"), recorded, read, always=in_other_words)


def identify(cfg: DictConfig, choices: dict[str, str], overrides: list[str]) -> dict[str, Any]:
    """All that a comparison needs to know of a run before it has any metric.

    Args:
        cfg: The whole configuration, with `experiment_name` set.
        choices: Option per config group.
        overrides: As they were typed.

    Returns:
        What goes into `identity.json`: `content`, `row` (hashes), `label`, `paper`, `note` and `baseline` (of the
        table's row), `experiment`, `scale`, `seed`, `choices`, `overrides`, `started` (ISO 8601, UTC), `conditions`.
    """
    config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # pyright: ignore[reportAssignmentType]
    row = config["row"]
    return {
        "content": content_of(cfg),
        "row": row_of(cfg),
        "label": row.get("label"),
        "paper": row.get("paper"),
        "note": row.get("note"),
        "baseline": bool(row.get("baseline")),
        "experiment": cfg.experiment_name,
        "scale": choices.get("scale"),
        "seed": cfg.seed,
        "choices": choices,
        "overrides": overrides,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "conditions": conditions_of(config),
    }


def continued(identity: dict[str, Any], run_dir: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """The identity of a run that goes on, with the conditions of its earlier parts where they were others.

    Args:
        identity: As it is now.
        run_dir: Folder of the run, which says what it was until now.
        say: Called with a sentence on what has changed since the last part, if anything has.
    """
    last, earlier = recorded_conditions(run_dir)
    now, before = changed_conditions(identity["conditions"], last)
    if now:
        say(f"This run goes on with {now}; until now it was trained with {before}. {IDENTITY_FILE} notes both.")
        earlier = [*earlier, last]
    return {**identity, "earlier_conditions": earlier} if earlier else identity


def conditions_note(cfg: DictConfig, run_dir: Path) -> str:
    """A sentence on what a finished run was trained with, where something else is asked for; empty otherwise."""
    config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # pyright: ignore[reportAssignmentType]
    now, before = changed_conditions(conditions_of(config), recorded_conditions(run_dir)[0])
    return f"It was trained with {before} and not with {now}; resume=never trains it again." if now else ""


def _hash(cfg: DictConfig, **changed: Any) -> str:
    changed_cfg = OmegaConf.merge(cfg, changed)
    return content_hash(OmegaConf.to_container(changed_cfg, resolve=True))  # pyright: ignore[reportArgumentType]
