"""A job's life as a state machine: whatever breaks, in whatever order, one provider job and an exact bill."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from decimal import Decimal

import httpx2
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from openai import OpenAI
from sqlalchemy import func, select, update

from service.core import work
from service.core.db import transaction
from service.core.work import WorkItem
from service.errors import InvalidRequest
from service.events.tables import Event
from service.jobs.kinds import ADVANCE_JOB
from service.jobs.tables import Job, ProviderBlock
from service.ledger.tables import Entry, HoldRow
from service.providers.openai_wire import OpenAIWire
from tests.jobs import hands
from tests.support.trainer_process import TrainerProcess
from worker import run

CREATE = {"method": "POST", "path": "/v1/fine_tuning/jobs$"}
READ = {"method": "GET", "path": "/v1/fine_tuning/jobs/[^/]+"}
USD_PER_TOKEN = Decimal(3) / 1_000_000  # sandbox-mini


class Crash(BaseException):
    """The worker is gone: nothing after this line of it happens."""


@contextmanager
def dying_at(call: str, when: str) -> Iterator[None]:
    """Let the next `call` to a provider be the worker's last deed: before it is sent, or once answered."""
    real = getattr(OpenAIWire, call)

    def deadly(self: OpenAIWire, *args: object, **kwargs: object) -> object:
        if when == "after":
            real(self, *args, **kwargs)
        raise Crash

    setattr(OpenAIWire, call, deadly)
    try:
        yield
    finally:
        setattr(OpenAIWire, call, real)


class JobLife(RuleBasedStateMachine):
    """All that can happen to jobs; `teardown` lets peace return and holds the end against the rules."""

    trainer: TrainerProcess
    upstream: OpenAI
    jobs = Bundle("jobs")

    @initialize()
    def begin(self) -> None:
        self.trainer.control.reset()
        self.trainer.control.stop_clock()
        self.team = hands.make_team()
        self.file = hands.make_file(self.team)
        self.made: list[str] = []

    @rule(target=jobs, models=st.sampled_from(["sandbox-mini"]))
    def create(self, models: str) -> str:
        assume(len(self.made) < 4)
        self.made.append(hands.make_job(self.team, self.file, models, hyperparameters={"n_epochs": 1}))
        return self.made[-1]

    @rule()
    def do_what_is_due(self) -> None:
        for kind, subject_id in hands.due():
            run.run_step(kind, subject_id)

    @rule(job=jobs)
    def step(self, job: str) -> None:
        hands.step(job)

    @rule(job=jobs)
    def wake_twice(self, job: str) -> None:
        for _ in range(2):
            with transaction() as session:
                if not session.get_one(Job, job).has_ended:
                    work.schedule(session, ADVANCE_JOB, job)
        run.run_step(ADVANCE_JOB, job)
        run.run_step(ADVANCE_JOB, job)

    @rule(job=jobs)
    def lose_wake(self, job: str) -> None:
        """The row stays due and nobody comes; the next sweep will."""
        with transaction() as session:
            session.execute(update(WorkItem).where(WorkItem.subject_id == job).values(woken_at=func.now()))

    @rule(
        job=jobs,
        call=st.sampled_from(["create_job", "find_job", "get_job", "cancel_job", "upload_file", "read_file"]),
        when=st.sampled_from(["before", "after"]),
    )
    def crash(self, job: str, call: str, when: str) -> None:
        hands.make_due()
        with dying_at(call, when):
            for kind, subject_id in hands.due():
                try:
                    run.run_step(kind, subject_id)
                except Crash:
                    break
        hands.end_leases()

    @rule(job=jobs, action=st.sampled_from(["cancel", "cancel", "pause", "resume"]))
    def ask(self, job: str, action: str) -> None:
        try:
            hands.ask(job, action)
        except InvalidRequest:
            return

    @rule(kind=st.sampled_from(["drop_before", "drop_after", "status"]), path=st.sampled_from([CREATE, READ]))
    def fault(self, kind: str, path: dict[str, str]) -> None:
        self.trainer.control.fault(kind, **path)

    @rule(status=st.sampled_from([429, 503]), method=st.sampled_from(["POST", "DELETE"]))
    def limit(self, status: int, method: str) -> None:
        # Not the list of jobs: the invariant reads that, past Tunehouse.
        self.trainer.control.fault(
            "status", path="files|jobs/|jobs$", method=method, status=status, headers={"retry-after": "1"}
        )

    @rule(word=st.sampled_from(["pondering", "paused", ""]))
    def say_odd_words(self, word: str) -> None:
        self.trainer.control.fault("job_status", **READ, status_name=word or "?")

    @rule(seconds=st.sampled_from([0.001, 0.01, 1.0]))
    def let_time_pass_there(self, seconds: float) -> None:
        self.trainer.control.advance(seconds)

    @rule(job=jobs)
    def fail_there(self, job: str) -> None:
        there = hands.look(job).provider_job_id
        if there is not None:
            # One that has ended refuses to.
            with suppress(httpx2.HTTPStatusError):
                self.trainer.control.change_job(there, failure={"code": "server_error", "message": "Broke."})

    @invariant()
    def at_most_one_job_there_for_each_of_ours(self) -> None:
        for job in getattr(self, "made", []):
            there = self.upstream.fine_tuning.jobs.list(metadata={"tunehouse_job": job}, limit=100)
            assert len(list(there)) <= 1, job

    @invariant()
    def a_hold_lives_exactly_as_long_as_its_job(self) -> None:
        with transaction() as session:
            held = set(session.scalars(select(HoldRow.subject_id)))
            living = set(session.scalars(select(Job.id).where(Job.finished_at.is_(None))))
        assert held == living

    def teardown(self) -> None:
        if not hasattr(self, "made"):
            return
        control = self.trainer.control
        control.clear_faults()
        for _ in range(200):
            control.advance(1)
            hands.end_leases()
            self._bring_past_blocks()
            hands.make_due()
            for kind, subject_id in hands.due():
                run.run_step(kind, subject_id)
            for job in self.made:
                if hands.look(job).status == "paused":
                    hands.ask(job, "resume")
            if all(hands.look(job).has_ended for job in self.made):
                break
        for job in self.made:
            self._check_end(job)

    def _bring_past_blocks(self) -> None:
        with transaction() as session:
            long_ago = func.now() - timedelta(hours=1)
            session.execute(update(Job).where(Job.sent_at.is_not(None)).values(sent_at=long_ago))
            session.execute(update(ProviderBlock).values(until=func.now()))

    def _check_end(self, job_id: str) -> None:
        job = hands.look(job_id)
        there = list(self.upstream.fine_tuning.jobs.list(metadata={"tunehouse_job": job_id}, limit=100))
        assert job.has_ended, (job.status, job.provider_status, job.requested)
        assert len(there) <= 1
        tokens = 0
        if there:
            assert job.provider_job_id == there[0].id
            assert job.status == there[0].status
            tokens = there[0].trained_tokens or 0 if job.status != "failed" else 0
        else:
            assert job.status in ("cancelled", "failed")
        with transaction() as session:
            charged = session.scalar(
                select(func.coalesce(func.sum(Entry.amount_usd), 0)).where(Entry.job_id == job_id)
            )
            numbers = list(
                session.scalars(select(Event.number).where(Event.subject_id == job_id).order_by(Event.number))
            )
            ends = session.scalar(
                select(func.count()).where(
                    Event.subject_id == job_id, Event.type == f"fine_tuning.job.{job.status}"
                )
            )
        assert charged == tokens * USD_PER_TOKEN
        assert numbers == list(range(1, len(numbers) + 1))
        assert ends == 1


def test_whatever_happens_a_job_ends_as_its_one_provider_job_did(
    providers_environment: dict[str, str], database: str, trainer: TrainerProcess, upstream: OpenAI
) -> None:
    JobLife.trainer, JobLife.upstream = trainer, upstream
    deep = int(os.environ.get("TUNEHOUSE_TEST_EXAMPLES", "12"))
    run_state_machine_as_test(
        JobLife,
        settings=settings(
            max_examples=deep,
            stateful_step_count=25,
            deadline=None,
            # Each step is real requests and transactions: shrinking would take longer than reading.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            derandomize="TUNEHOUSE_TEST_EXAMPLES" not in os.environ,
            suppress_health_check=list(HealthCheck),
        ),
    )
