"""What the small files of a run hold, by type: as much as reports rely on, none of it required."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from lightweight_ssd.runs.results import Name

__all__ = ["Config", "Environment", "Identity", "Status"]

Hash = Annotated[str, Meta(min_length=1, max_length=200)]
Note = Annotated[str, Meta(max_length=1000)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]


class Identity(Struct):
    """What a run is; `runs/identity` says what each key means.

    Attributes:
        conditions: What may change a result although it does not name the run, by the name of the setting.
        earlier_conditions: Those of the earlier parts of a run that went on under others.
    """

    content: Hash | None = None
    row: Hash | None = None
    label: Name | None = None
    experiment: Name | None = None
    scale: Name | None = None
    seed: Seed | None = None
    choices: dict[str, str | None] | None = None
    overrides: list[str] | None = None
    paper: dict[str, float | None] | None = None
    note: Note | None = None
    baseline: bool | None = None
    started: str | None = None
    conditions: dict[str, Any] | None = None
    earlier_conditions: list[dict[str, Any]] | None = None


class Status(Struct):
    """How far a run is and how it ended."""

    state: Literal["starting", "running", "finished", "interrupted", "failed", "aborted"] | None = None
    error: str | None = None
    updated: str | None = None
    host: str | None = None
    pid: Count | None = None
    process_started: str | None = None
    epoch: Count | None = None
    step: Count | None = None
    total_steps: Count | None = None
    seconds: Seconds | None = None
    seconds_left: Seconds | None = None
    map_50: Annotated[float, Meta(ge=0, le=1)] | None = None


class Environment(Struct):
    """What a run was computed with."""

    commit: str | None = None
    uncommitted_changes: bool | None = None
    python: str | None = None
    machine: str | None = None
    versions: dict[str, str | None] | None = None


class Config(Struct):
    """Of `config.yaml` what a report relies on; all else may be of any type."""

    experiment_name: Name | None = None
    seed: Seed | None = None
    run_dir: str | None = None
    content: list[str] | None = None
