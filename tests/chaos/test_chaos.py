"""The short form of `make chaos`: everything is killed once or twice while three teams work."""

import os
from pathlib import Path

import pytest

from tests.chaos.run import run, table


@pytest.mark.skipif(
    "TUNEHOUSE_TEST_CHAOS" not in os.environ,
    reason="one run in a full suite waited 300 s for work that did not end; until that is understood it is "
    "run by hand: TUNEHOUSE_TEST_CHAOS=1",
)
def test_nothing_is_lost_or_doubled_while_every_process_is_killed(tmp_path: Path) -> None:
    outcome = run(tmp_path, jobs=12, teams=3, kills=5, every_s=0.5)
    assert outcome.holds, table(outcome)
