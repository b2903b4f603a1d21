"""The stage of all faults that a process of pytest carries out."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.reliability.carry_out import Verdict, carry_out
from tests.reliability.random_faults import Fault
from tests.reliability.record import FAILED, PROPERTY
from tests.reliability.scenes import Stage
from tests.run_server import RunServer


@pytest.fixture(scope="session")
def stage(server: RunServer, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(server, tmp_path_factory.mktemp("reliability"))


@pytest.fixture
def survive(stage: Stage, record_property: Callable[[str, Any], None]) -> Callable[[Fault], None]:
    """Carries out a fault and notes how it ended."""

    def survive(fault: Fault) -> None:
        verdict = Verdict(FAILED)
        try:
            verdict = carry_out(stage, fault)
        finally:
            record_property(PROPERTY, json.dumps({**fault._asdict(), **verdict._asdict()}))

    return survive
