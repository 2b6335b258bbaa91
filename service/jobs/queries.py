"""Read jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ARRAY, Select, Text, bindparam, func, or_, select
from sqlalchemy.orm import Session

from service.core.http.pages import Page, fetch_page
from service.errors import NotFound
from service.jobs.tables import HAS_NO_METADATA, Job, JobCheckpoint
from service.ledger.tables import Budget, Entry, HoldRow


@dataclass(frozen=True)
class JobMoney:
    """The amount that a job holds now, its cost to date, and its own limit, if any."""

    held_usd: Decimal = Decimal(0)
    cost_usd: Decimal = Decimal(0)
    max_cost_usd: Decimal | None = None


def get_job(session: Session, team_id: str, job_id: str, *, lock: bool = False) -> Job:
    """Return the team's job with this id; `lock` it to change it. Raises `NotFound`."""
    own = select(Job).where(Job.team_id == team_id, Job.id == job_id)
    job = session.scalar(own.with_for_update() if lock else own)
    if job is None:
        raise _unknown_job(job_id)
    return job


def get_job_and_money(session: Session, team_id: str, job_id: str) -> tuple[Job, JobMoney]:
    """Return the team's job with this id, and its amounts, in one statement. Raises `NotFound`."""
    found = session.execute(_JOB_AND_MONEY, {"team_id": team_id, "job_id": job_id}).one_or_none()
    if found is None:
        raise _unknown_job(job_id)
    job, held_usd, cost_usd, max_cost_usd = found
    return job, JobMoney(held_usd or Decimal(0), cost_usd or Decimal(0), max_cost_usd)


# Built once: that costs more than reading the row.
_JOB_AND_MONEY = select(
    Job,
    select(HoldRow.amount_usd)
    .where(HoldRow.team_id == bindparam("team_id"), HoldRow.subject_id == bindparam("job_id"))
    .scalar_subquery(),
    select(func.sum(Entry.amount_usd))
    .where(Entry.team_id == bindparam("team_id"), Entry.job_id == bindparam("job_id"))
    .scalar_subquery(),
    select(Budget.limit_usd).where(Budget.account_id == bindparam("job_id")).scalar_subquery(),
).where(Job.team_id == bindparam("team_id"), Job.id == bindparam("job_id"))


def _unknown_job(job_id: str) -> NotFound:
    return NotFound(f"There is no fine-tuning job {job_id!r}.", param="fine_tuning_job_id")


def locked_job(session: Session, job_id: str) -> Job:
    """Return the job with this id, locked, without checking its team: for workers, not for routes."""
    query = select(Job).where(Job.id == job_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def list_jobs(
    session: Session,
    team_id: str,
    *,
    after: str | None,
    limit: int,
    metadata: Mapping[str, str] | None,
    status: str | None = None,
    name: str = "",
) -> Page[Job]:
    """Return the team's jobs with all pairs of `metadata`, newest first; if empty, those without any.

    `name` is a part of the suffix or of the model.
    """
    query = own = select(Job).where(Job.team_id == team_id)
    if status is not None:
        query = query.where(Job.status == status)
    if name:
        named = (column.icontains(name, autoescape=True) for column in (Job.suffix, Job.model))
        query = query.where(or_(*named))
    if metadata is not None:
        query = _with_metadata(query, metadata)
    # A job that has lost the metadata since it was listed is still a place in the list.
    return fetch_page(session, query, sort=Job.created_at, id_=Job.id, after=after, limit=limit, cursors=own)


def _with_metadata(query: Select[Job], metadata: Mapping[str, str]) -> Select[Job]:
    if not metadata:
        return query.where(HAS_NO_METADATA)
    return query.where(Job.labels.contains(dict(metadata)))


def count_unfinished(session: Session, team_id: str) -> int:
    """Count the team's unfinished jobs."""
    own = Job.team_id == team_id, Job.finished_at.is_(None)
    return session.scalar(select(func.count()).select_from(Job).where(*own)) or 0


def list_checkpoints(session: Session, job: Job, *, after: str | None, limit: int) -> Page[JobCheckpoint]:
    """Return the job's checkpoints, newest first."""
    own = select(JobCheckpoint).where(JobCheckpoint.job_id == job.id)
    return fetch_page(session, own, sort=JobCheckpoint.step, id_=JobCheckpoint.id, after=after, limit=limit)


def job_of_provider(session: Session, provider: str, provider_job_id: str) -> Job | None:
    """Return the job with this id at a provider: for the provider's webhooks."""
    found = select(Job).where(Job.provider == provider, Job.provider_job_id == provider_job_id)
    return session.scalar(found)


def job_money(session: Session, team_id: str, job_ids: Sequence[str]) -> Mapping[str, JobMoney]:
    """Map job ids to what each of the team's jobs holds and has cost."""
    # A subquery would take the name of one of its own columns, such as `job_id`, for that column.
    jobs = func.unnest(bindparam("job_ids", list(job_ids), ARRAY(Text))).column_valued("asked_job_id")
    held = select(HoldRow.amount_usd).where(HoldRow.team_id == team_id, HoldRow.subject_id == jobs)
    spent = select(func.sum(Entry.amount_usd)).where(Entry.team_id == team_id, Entry.job_id == jobs)
    limit = select(Budget.limit_usd).where(Budget.account_id == jobs)
    amounts = select(jobs, held.scalar_subquery(), spent.scalar_subquery(), limit.scalar_subquery())
    none = Decimal(0)
    return {
        job_id: JobMoney(held_usd or none, cost_usd or none, max_cost_usd)
        for job_id, held_usd, cost_usd, max_cost_usd in session.execute(amounts)
    }
