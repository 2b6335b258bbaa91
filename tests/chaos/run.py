"""The chaos run: `python -m tests.chaos.run`, or `make chaos`. Prints the table of `docs/reliability.md`."""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.reckoning import Finding, reckon, work_left
from tests.chaos.teams import TeamAtWork, open_team, work
from tests.chaos.town import Monkey, Town
from tests.support.waiting import wait_until
from tests.support.webhook_receiver import Answer, receiver


@dataclass(frozen=True)
class Outcome:
    """What was broken, how long it took, and what held."""

    findings: list[Finding]
    broken: dict[str, int]
    lost_answers: int
    took_s: float

    @property
    def holds(self) -> bool:
        """Whether every claim does."""
        return all(finding.holds for finding in self.findings)


def run(
    folder: Path, *, jobs: int, teams: int, kills: int, every_s: float, seed: int = 1, settle_s: float = 300
) -> Outcome:
    """Let `teams` create `jobs` together while something is killed every `every_s` seconds, then reckon.

    It goes on until `kills` were done and every job was created. There are no more kills than that: where
    each start takes long, as on a busy machine, no request would ever get through between two of them.
    """
    began = time.monotonic()
    town = Town(folder)
    try:
        with receiver() as target:
            # Every tenth webhook is refused, so that retries are seen too.
            target.answers.extend(Answer(500) if turn % 10 == 9 else Answer(200) for turn in range(jobs * 4))
            at_work = [open_team(town, target) for _ in range(teams)]
            monkey = Monkey(town, kills, every_s, seed)
            monkey.start()
            threads = [
                work(town, team, jobs // teams + (number < jobs % teams), number)
                for number, team in enumerate(at_work)
            ]
            for thread in threads:
                _join(thread)
            wait_until(lambda: monkey.kills >= kills or monkey.failed, timeout_s=900, every_s=0.2)
            monkey.stop()
            for team in at_work:
                if team.failed is not None:
                    raise team.failed
            _settle(town, at_work, settle_s)
            findings = reckon(town, at_work, list(target.requests))
    finally:
        town.stop()
    return Outcome(findings, dict(town.log), town.proxy.lost, time.monotonic() - began)


def is_settled(town: Town, teams: Sequence[TeamAtWork]) -> bool:
    """Whether nothing is left to do; jobs that were left paused are resumed."""
    for team in teams:
        for job in team.handle.sdk.fine_tuning.jobs.list(limit=100):
            if str(job.status) == "paused":
                team.handle.sdk.fine_tuning.jobs.resume(job.id)
    return not work_left(town)


def _settle(town: Town, teams: Sequence[TeamAtWork], timeout_s: float) -> None:
    try:
        wait_until(lambda: is_settled(town, teams), timeout_s=timeout_s, every_s=0.5)
    except AssertionError as endless:
        left = "\n".join([f"after {timeout_s:g} s this work is left:", *work_left(town)])
        raise AssertionError(f"{left}\n{town.last_words()}") from endless


def _join(thread: threading.Thread) -> None:
    thread.join(900)
    if thread.is_alive():
        raise AssertionError("a team does not come to an end of its work")


def table(outcome: Outcome) -> str:
    """The findings as Markdown."""
    kills = ", ".join(f"{what} {count}×" for what, count in sorted(outcome.broken.items()))
    lines = [
        f"In {outcome.took_s:.0f} s: {kills}; {outcome.lost_answers} answers to teams lost on the way.",
        "",
        "| what must be so | figures | holds |",
        "|---|---|---|",
    ]
    lines += [
        f"| {one.claim} | {one.figures} | {'yes' if one.holds else '**no**'} |" for one in outcome.findings
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--teams", type=int, default=5)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--every", type=float, default=3.0, help="seconds between two kills")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="tunehouse-chaos-") as folder:
        outcome = run(
            Path(folder),
            jobs=asked.jobs,
            teams=asked.teams,
            kills=asked.kills,
            every_s=asked.every,
            seed=asked.seed,
        )
    sys.stdout.write(table(outcome) + "\n")
    return 0 if outcome.holds else 1


if __name__ == "__main__":
    sys.exit(main())
