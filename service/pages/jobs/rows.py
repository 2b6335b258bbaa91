"""Jobs as rows of a table."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.jobs import queries
from service.jobs.present import job_out
from service.jobs.queue import places
from service.jobs.schemas import JobOut
from service.jobs.tables import Job
from service.pages.listing import Column, Field, amount
from service.pages.words import moment, plain, short_model

COLUMNS = (
    Column("Job"),
    Column("Id", only_csv=True),
    Column("State"),
    Column("Model", only_csv=True),
    Column("Created", right=True),
    Column("Cost, USD", right=True),
)


def jobs_out(session: Session, team_id: str, jobs: Sequence[Job]) -> list[JobOut]:
    """Return jobs as the API does."""
    amounts = queries.job_money(session, team_id, [job.id for job in jobs])
    waiting = places(session, jobs)
    return [job_out(job, amounts, waiting) for job in jobs]


def title_of(job: JobOut) -> str:
    """Return what people call a job: its suffix, or the model that it tunes."""
    return job.user_provided_suffix or short_model(job.model)


def row_of(job: JobOut) -> tuple[Field, ...]:
    """Return a job's row."""
    extras = job.tunehouse
    is_final = job.finished_at is not None
    cost = extras.cost_usd if is_final else extras.estimated_cost_usd
    return (
        Field(title_of(job), href=f"/jobs/{job.id}", sub=f"from {short_model(job.model)}"),
        Field(job.id),
        Field(plain(job.status), state=job.status, sub=_note(job)),
        Field(job.model),
        Field(moment(job.created_at)),
        amount(cost, sub="" if is_final or cost is None else "estimated"),
    )


def _note(job: JobOut) -> str:
    extras = job.tunehouse
    if job.error.message:
        return job.error.message[:80]
    if extras.requested:
        return f"{extras.requested} requested"
    if extras.queue_position is not None:
        return f"place {extras.queue_position} in the queue"
    return ""
