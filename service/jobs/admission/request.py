"""Admission requests, read from a request body or from a job's row."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from service.jobs.methods import Method, Supervised
from service.jobs.schemas import JobCreate
from service.jobs.tables import Job
from service.ledger.queries import limits_of


@dataclass(frozen=True)
class JobRequest:
    """Everything that decides whether a job may run; `job_id` and `price_id` are None for a new job."""

    team_id: str
    key_id: str
    model: str
    method: str
    hyperparameters: Mapping[str, Any]
    training_file: str
    validation_file: str | None
    max_cost_usd: Decimal | None
    acknowledges_shutdown: bool
    job_id: str | None = None
    price_id: str | None = None
    grader: Mapping[str, Any] | None = None
    seed: int | None = None
    has_integrations: bool = False


def method_of(body: JobCreate) -> Method:
    """Return the method of a body; without one, supervised with the top-level hyperparameters."""
    if body.method is not None and body.hyperparameters is None:
        return body.method
    settings = Supervised(hyperparameters=body.hyperparameters) if body.hyperparameters else Supervised()
    return Method(type="supervised", supervised=settings)


def request_of_body(team_id: str, key_id: str, body: JobCreate) -> JobRequest:
    """Return the admission request of a body that was sent with one of the team's keys."""
    method = method_of(body)
    return JobRequest(
        team_id=team_id,
        key_id=key_id,
        model=body.model,
        method=method.type,
        hyperparameters=method.settings.hyperparameters.model_dump(),
        training_file=body.training_file,
        validation_file=body.validation_file,
        max_cost_usd=body.tunehouse.max_cost_usd if body.tunehouse else None,
        grader=method.reinforcement.grader if method.reinforcement else None,
        seed=body.seed,
        has_integrations=bool(body.integrations),
        acknowledges_shutdown=bool(body.tunehouse and body.tunehouse.acknowledge_shutdown),
    )


def request_of_job(session: Session, job: Job) -> JobRequest:
    """Return the admission request of an existing job, which an approaching shutdown does not stop."""
    return JobRequest(
        team_id=job.team_id,
        key_id=job.key_id,
        model=job.model,
        method=job.method_type,
        hyperparameters=job.method[job.method_type].get("hyperparameters", {}),
        training_file=job.training_file,
        validation_file=job.validation_file,
        max_cost_usd=limits_of(session, [job.id]).get(job.id),
        acknowledges_shutdown=True,
        job_id=job.id,
        price_id=job.price_id,
    )
