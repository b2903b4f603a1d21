"""The record of the faults: how many of each kind ended how, as a table on the screen and as a file."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.reliability.random_faults import COMMANDS, KINDS, SEED, plan

PROPERTY = "fault"  # of a test's report, which also the workers of pytest-xdist send on
FAILED = "failed"
_FILE = Path(__file__).parents[2] / "build" / "reliability.json"


def summary(properties: list[tuple[str, Any]]) -> list[str]:
    """Lines of the table; writes the file, too, when all faults of the plan are among them.

    Args:
        properties: Of all reports of tests, whatever else they say.
    """
    found = {text for name, text in properties if name == PROPERTY}  # each of a test's reports has it
    faults = sorted(map(json.loads, found), key=lambda each: each["number"])
    if not faults:
        return []
    counted = {command: {kind: _outcomes(faults, command, kind) for kind in KINDS} for command in COMMANDS}
    total = Counter(each["outcome"] for each in faults)
    if len(faults) == len(plan()):
        _FILE.parent.mkdir(exist_ok=True)
        content = {"seed": SEED, "total": dict(total), "counts": counted, "faults": faults}
        _FILE.write_text(json.dumps(content, indent=1) + "\n")
    lines = [f"{'command':<10}{'fault':<16}outcome"]
    for command, kinds in counted.items():
        lines += [f"{command:<10}{kind:<16}{_words(outcomes)}" for kind, outcomes in kinds.items() if outcomes]
    return [*lines, f"{len(faults)} faults of seed {SEED}: {_words(total)}"]


def _outcomes(faults: list[dict[str, Any]], command: str, kind: str) -> dict[str, int]:
    return dict(Counter(each["outcome"] for each in faults if (each["command"], each["kind"]) == (command, kind)))


def _words(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
