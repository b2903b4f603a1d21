"""The faults are the same each time, and of every kind for every command."""

from collections import Counter

from tests.reliability.random_faults import COMMANDS, EACH, KINDS, faults_of, plan


def test_two_hundred_faults_of_all_kinds_for_all_commands() -> None:
    faults = plan(0)
    assert len(faults) == 200 and [fault.number for fault in faults] == list(range(200))
    counted = Counter((fault.command, fault.kind) for fault in faults)
    assert counted == {(command, kind): EACH for command in COMMANDS for kind in KINDS}
    assert all(0 <= fault.share < 1 and 0 <= fault.choice < 1 for fault in faults)


def test_a_seed_gives_the_same_faults_again_and_another_one_others() -> None:
    assert plan(3) == plan(3) != plan(4)


def test_the_files_of_the_commands_share_the_plan() -> None:
    assert [fault for command in COMMANDS for fault in faults_of(command, all_of_them=True)] == plan()


def test_an_eighth_of_the_faults_has_every_kind_for_every_command() -> None:
    faults = [fault for command in COMMANDS for fault in faults_of(command, all_of_them=False)]
    counted = Counter((fault.command, fault.kind) for fault in faults)
    assert counted == {(command, kind): 1 for command in COMMANDS for kind in KINDS}
