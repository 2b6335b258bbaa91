"""The short form of `make chaos`: everything is killed once or twice while three teams work."""

from pathlib import Path

from tests.chaos.run import run, table


def test_nothing_is_lost_or_doubled_while_every_process_is_killed(tmp_path: Path) -> None:
    outcome = run(tmp_path, jobs=12, teams=3, kills=5, every_s=0.5)
    assert outcome.holds, table(outcome)
