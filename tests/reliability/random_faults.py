"""The plan of the random faults: which command meets which fault, when, and in which of its files."""

import os
import random
from typing import NamedTuple

SEED = int(os.environ.get("LSSD_FAULT_SEED", "0"))  # another one draws other faults
ALL = os.environ.get("LSSD_FAULTS") == "all"  # otherwise an eighth of them, of every command and kind
COMMANDS = ("train", "sweep", "evaluate", "predict", "report")
KINDS = ("kill", "full disk", "read-only", "truncated file", "second process")
EACH = 8  # faults of a kind that each command meets
SAMPLED = 8  # one of so many is run where not all are

# How a kind of fault comes about, by command; "" = any other command. Each fault of the plan takes the next one.
_WAYS: dict[str, dict[str, tuple[str, ...]]] = {
    "kill": {
        # by the clock, alone or with all that it has started; just before it opens a file to write; inside a checkpoint
        "train": ("clock", "opening", "tree", "writing", "clock", "renaming", "file", "clock"),
        "sweep": ("clock", "opening", "tree", "writing", "clock", "renaming", "tree", "clock"),
        "": ("clock", "file"),
    },
    # evaluation shares a table among its processes, which would not fit into its largest file either
    "full disk": {"evaluate": ("disk",), "": ("disk", "disk", "largest file", "disk")},
    "read-only": {"": ("modes", "mount", "file in its place", "mount")},
    "truncated file": {"train": ("cut off", "finished"), "sweep": ("cut off", "finished"), "": ("finished",)},
    "second process": {
        "train": ("train", "train", "report", "train", "evaluate"),
        "sweep": ("sweep", "train", "sweep", "report"),
        "evaluate": ("evaluate", "evaluate", "evaluate", "predict"),
        "predict": ("predict", "predict", "predict", "evaluate"),
        "report": ("report", "report", "report", "evaluate"),
    },
}


class Fault(NamedTuple):
    """One fault.

    Attributes:
        number: Its place in the plan, from 0.
        command: What it strikes: one of `COMMANDS`.
        kind: One of `KINDS`.
        way: How it comes about.
        share: Of the time that the command takes, of the bytes that it writes, or of a file's length; 0 to 1.
        choice: Which file or folder of those that come into question; 0 to 1.
    """

    number: int
    command: str
    kind: str
    way: str
    share: float
    choice: float

    def __str__(self) -> str:
        return f"{self.number:03d}-{self.kind}-{self.way}".replace(" ", "_")


def plan(seed: int = SEED) -> list[Fault]:
    """All faults, for each command and kind as many.

    Shares and choices are spread out: one is drawn from each eighth of their range.
    """
    faults: list[Fault] = []
    for command in COMMANDS:
        for kind in KINDS:
            chance = random.Random(f"{seed} {command} {kind}")
            ways = _WAYS[kind].get(command, _WAYS[kind].get("", ()))
            shares, choices = _spread(chance), _spread(chance)
            for place in range(EACH):
                way = ways[place % len(ways)]
                faults.append(Fault(len(faults), command, kind, way, shares[place], choices[place]))
    return faults


def faults_of(command: str, all_of_them: bool = ALL) -> list[Fault]:
    """The faults that a command meets: all, or every fourth one; the first of a kind is another place each time."""
    of_command = [fault for fault in plan() if fault.command == command]
    first = COMMANDS.index(command)
    return [
        fault for fault in of_command if all_of_them or (fault.number - first - KINDS.index(fault.kind)) % SAMPLED == 0
    ]


def _spread(chance: random.Random) -> list[float]:
    drawn = [(place + chance.random()) / EACH for place in range(EACH)]
    chance.shuffle(drawn)
    return drawn
