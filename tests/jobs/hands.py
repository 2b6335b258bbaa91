"""Do the worker's steps by hand: one at a time, in this process, on a database that nobody else knows."""

import itertools
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import delete, func, select, update

from service.core import work
from service.core.db import transaction
from service.core.work import WorkItem
from service.files import actions as datasets
from service.files.actions import CHECK, create_result_file
from service.files.tables import File, FileStatus, Purpose
from service.jobs import actions
from service.jobs.kinds import ADVANCE_JOB
from service.jobs.queries import get_job
from service.jobs.schemas import JobCreate
from service.jobs.tables import Job
from service.ledger.budgets.actions import set_budget
from service.teams.actions import create_team
from tests.support.data import chat_file
from worker.run import run_step

KEY = "key_hands"
_numbers = itertools.count(1)


def make_team(budget_usd: str = "100") -> str:
    """A team with a budget; its id."""
    number = next(_numbers)
    with transaction() as session:
        team = create_team(session, name=f"Team {number}", slug=f"hands-{number}", labels={})
        set_budget(session, team.id, limit_usd=Decimal(budget_usd), period="month")
        return team.id


def make_file(team_id: str, content: bytes | None = None, *, status: str = "processed") -> str:
    """A training file whose check ends in `status`; its id."""
    with transaction() as session:
        file = create_result_file(session, team_id, "data.jsonl", content or chat_file())
        file.purpose, file.status = Purpose.FINE_TUNE.value, FileStatus.UPLOADED
        work.schedule(session, CHECK, file.id)
    run_step(CHECK, file.id)
    with transaction() as session:
        assert session.get_one(File, file.id).status == status
    return file.id


def delete_file(team_id: str, file_id: str) -> None:
    """Delete a file."""
    with transaction() as session:
        datasets.delete_file(session, team_id, file_id)


def make_job(team_id: str, file_id: str, model: str = "sandbox-mini", **body: object) -> str:
    """A job that no step was done for; its id."""
    asked = JobCreate.model_validate({"model": model, "training_file": file_id} | body)
    with transaction() as session:
        return actions.create_job(session, team_id=team_id, key_id=KEY, body=asked).id


def look(job_id: str) -> Job:
    """The job's row."""
    with transaction() as session:
        return session.get_one(Job, job_id)


def ask(job_id: str, action: str) -> None:
    """Ask for a job to be cancelled, paused or resumed."""
    with transaction() as session:
        job = get_job(session, session.get_one(Job, job_id).team_id, job_id, lock=True)
        actions.request_action(session, job, actions.RequestedAction(action))


def step(job_id: str) -> None:
    """The next step of one job, however long it meant to wait."""
    make_due(ADVANCE_JOB, job_id)
    run_step(ADVANCE_JOB, job_id)


def run_due(rounds: int = 100) -> int:
    """Do whatever is due, until nothing is; returns how many steps that were."""
    done = 0
    for _ in range(rounds):
        found = due()
        for kind, subject_id in found:
            run_step(kind, subject_id)
        done += len(found)
        if not found:
            return done
    raise AssertionError(f"work comes without end: {due()}")


def make_due(kind: str | None = None, subject_id: str | None = None) -> None:
    """Let the time pass that work waits for."""
    waiting = update(WorkItem).values(next_step_at=func.now() - timedelta(seconds=1))
    if kind is not None:
        waiting = waiting.where(WorkItem.kind == kind)
    if subject_id is not None:
        waiting = waiting.where(WorkItem.subject_id == subject_id)
    with transaction() as session:
        session.execute(waiting)


def wait_for_work(kind: str, seconds: float) -> None:
    """Let work of a kind be due only after some time."""
    later = update(WorkItem).values(next_step_at=func.now() + timedelta(seconds=seconds))
    with transaction() as session:
        session.execute(later.where(WorkItem.kind == kind))


def forget(kind: str, subject_id: str) -> None:
    """Lose a unit of work."""
    with transaction() as session:
        session.execute(delete(WorkItem).where(WorkItem.kind == kind, WorkItem.subject_id == subject_id))


def end_leases() -> None:
    """Let the time pass after which a dead worker's work is taken over."""
    with transaction() as session:
        session.execute(update(WorkItem).values(leased_until=func.now() - timedelta(seconds=1)))


def due() -> list[tuple[str, str]]:
    """The work that a worker would find now, longest due first."""
    waiting = select(WorkItem.kind, WorkItem.subject_id).where(
        WorkItem.next_step_at <= func.now(), func.coalesce(WorkItem.leased_until, func.now()) <= func.now()
    )
    with transaction() as session:
        return [
            (row.kind, row.subject_id) for row in session.execute(waiting.order_by(WorkItem.next_step_at))
        ]
