"""`lssd train` meets faults and ends each as if there had been none, or in one sentence.

Of the plan's 40 faults an eighth; `make faults` runs all.
"""

from collections.abc import Callable

import pytest
from tests.reliability.random_faults import Fault, faults_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("fault", faults_of("train"), ids=str)
def test_the_same_figures_or_one_sentence(fault: Fault, survive: Callable[[Fault], None]) -> None:
    survive(fault)
