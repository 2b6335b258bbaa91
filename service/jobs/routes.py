"""Routes for fine-tuning jobs: OpenAI's, and ours for estimates and limits."""

import re
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from service.core.http.pages import ListOut, list_out
from service.core.http.web import RequestSession, as_text
from service.errors import InvalidRequest
from service.events.queries import list_events
from service.jobs import actions, queries
from service.jobs.admission.checks import check_admission, check_budget
from service.jobs.admission.estimate import shared_rows, warnings
from service.jobs.admission.request import request_of_body
from service.jobs.charging.max_cost import change_max_cost
from service.jobs.present import checkpoint_out, event_out, job_out
from service.jobs.queue import places
from service.jobs.schemas import CheckpointOut, EstimateOut, JobCreate, JobEventOut, JobOut, MaxCostIn
from service.jobs.sdk_retries import made_before, request_hash
from service.jobs.states import RequestedAction
from service.jobs.stream import event_stream
from service.jobs.tables import Job
from service.ledger.budgets.schemas import budget_out
from service.ledger.money import usd
from service.ledger.queries import budget_view
from service.teams.access import Caller, Reader, Trainer
from service.teams.idempotency import IdempotentRoute
from service.teams.sdk_retries import is_retry, lock_request

router = APIRouter(prefix="/v1/fine_tuning", tags=["fine-tuning"], route_class=IdempotentRoute)

Limit = Annotated[int, Query(ge=1, le=100)]
_METADATA = {
    "parameters": [
        {
            "name": "metadata",
            "in": "query",
            "style": "deepObject",
            "explode": True,
            "description": "Pairs that a job's metadata must have; `null` for jobs without metadata.",
            "schema": {"type": "object", "additionalProperties": {"type": "string"}},
        }
    ]
}
_METADATA_FILTER = re.compile(r"metadata\[(.{1,64})\]")


@router.post("/jobs")
def create_job(request: Request, body: JobCreate, session: RequestSession, caller: Trainer) -> JobOut:
    """Create a fine-tuning job. A retry by the SDK returns the job that its first attempt created."""
    mark = request_hash(caller.team, body)
    lock_request(session, caller.team, caller.account_id, mark)
    job = made_before(session, caller.account_id, mark) if is_retry(request.headers) else None
    if job is not None:
        return _out(session, job)
    job = actions.create_job(
        session, team_id=caller.team, key_id=caller.account_id, body=body, request_hash=mark
    )
    limit = body.tunehouse.max_cost_usd if body.tunehouse else None
    # A new job holds its estimate, has cost nothing, and is not in a queue yet.
    money = queries.JobMoney(held_usd=job.estimated_cost_usd or Decimal(0), max_cost_usd=limit)
    return job_out(job, {job.id: money}, {})


@router.get("/jobs", openapi_extra=_METADATA)
def list_jobs(
    request: Request, session: RequestSession, caller: Reader, after: str | None = None, limit: Limit = 20
) -> ListOut[JobOut]:
    """List jobs, newest first; filter with `metadata[key]=value`, or `metadata=null` for jobs without any."""
    page = queries.list_jobs(
        session, caller.team, after=after, limit=limit, metadata=_metadata_filter(request)
    )
    money = queries.job_money(session, caller.team, [job.id for job in page.rows])
    waiting = places(session, page.rows)
    return list_out([job_out(job, money, waiting) for job in page.rows], page.has_more)


@router.get("/jobs/{job_id}")
def retrieve_job(job_id: str, session: RequestSession, caller: Reader) -> JobOut:
    """Get a job."""
    job, money = queries.get_job_and_money(session, caller.team, job_id)
    return job_out(job, {job.id: money}, places(session, [job]))


@router.post("/jobs/{job_id}/cancel")
def cancel_job(job_id: str, session: RequestSession, caller: Trainer) -> JobOut:
    """Request that a job be cancelled; the change takes effect once the provider accepts it."""
    return _request(session, caller, job_id, RequestedAction.CANCEL)


@router.post("/jobs/{job_id}/pause")
def pause_job(job_id: str, session: RequestSession, caller: Trainer) -> JobOut:
    """Request that a job be paused."""
    return _request(session, caller, job_id, RequestedAction.PAUSE)


@router.post("/jobs/{job_id}/resume")
def resume_job(job_id: str, session: RequestSession, caller: Trainer) -> JobOut:
    """Request that a paused job be resumed."""
    return _request(session, caller, job_id, RequestedAction.RESUME)


@router.put("/jobs/{job_id}/max_cost")
def set_max_cost(job_id: str, body: MaxCostIn, session: RequestSession, caller: Trainer) -> JobOut:
    """Set or remove an unfinished job's own limit. A job that was paused at it can then be resumed."""
    job = queries.get_job(session, caller.team, job_id, lock=True)
    change_max_cost(session, job, body.max_cost_usd)
    return _out(session, job)


@router.get(
    "/jobs/{job_id}/events",
    response_model=ListOut[JobEventOut],
    responses={200: {"content": as_text("text/event-stream")}},
)
def list_job_events(
    request: Request,
    job_id: str,
    session: RequestSession,
    caller: Reader,
    after: str | None = None,
    limit: Limit = 20,
    stream: Annotated[bool, Query(description="Send events as they happen, from the oldest on.")] = False,
) -> ListOut[JobEventOut] | Response:
    """List the job's events, newest first; with `stream`, oldest first, as server-sent events.

    A stream sends new events as they happen, and resumes after the number in the `Last-Event-ID` header.
    """
    job = queries.get_job(session, caller.team, job_id)
    if stream:
        return event_stream(session, request, caller.team, job.id)
    page = list_events(session, caller.team, job.id, after=after, limit=limit)
    return list_out([event_out(event) for event in page.rows], page.has_more)


@router.get("/jobs/{job_id}/checkpoints")
def list_job_checkpoints(
    job_id: str, session: RequestSession, caller: Reader, after: str | None = None, limit: Limit = 10
) -> ListOut[CheckpointOut]:
    """List the job's checkpoints, newest first."""
    job = queries.get_job(session, caller.team, job_id)
    page = queries.list_checkpoints(session, job, after=after, limit=limit)
    return list_out([checkpoint_out(checkpoint) for checkpoint in page.rows], page.has_more)


@router.post("/estimates")
def create_estimate(body: JobCreate, session: RequestSession, caller: Trainer) -> EstimateOut:
    """Estimate a job's training and cost. Creates nothing, and refuses what a create would refuse."""
    asked = request_of_body(caller.team, caller.key_id, body)
    admission = check_admission(session, asked)
    target, planned, file = admission.target, admission.estimate, admission.training
    if planned is None or file is None:
        raise InvalidRequest(
            "A file of this job is still being checked. Try again in a moment.",
            param="training_file",
            code="file_not_ready",
        )
    check_budget(session, asked, planned)
    shared = shared_rows(session, file, admission.validation)
    return EstimateOut(
        model=target.model_id,
        method=asked.method,
        provider=target.provider,
        n_epochs=planned.n_epochs,
        trained_tokens=planned.trained_tokens,
        training_hours=None if planned.training_hours is None else f"{planned.training_hours:f}",
        cost_usd=usd(planned.cost_usd),
        upper_bound_usd=None if planned.upper_bound_usd is None else usd(planned.upper_bound_usd),
        price_id=planned.price.id,
        budget=budget_out(caller.team, budget_view(session, caller.team)).model_dump(),
        warnings=warnings(target, file, planned, shared, admission.ends_on),
    )


def _request(session: Session, caller: Caller, job_id: str, action: RequestedAction) -> JobOut:
    job = queries.get_job(session, caller.team, job_id, lock=True)
    return _out(session, actions.request_action(session, job, action))


def _out(session: Session, job: Job) -> JobOut:
    return job_out(job, queries.job_money(session, job.team_id, [job.id]), places(session, [job]))


def _metadata_filter(request: Request) -> dict[str, str] | None:
    if request.query_params.get("metadata") == "null":
        return {}
    if request.query_params.get("metadata") is not None:
        raise InvalidRequest(
            "Send metadata[key]=value to filter by a pair, or metadata=null for jobs without metadata.",
            param="metadata",
        )
    named = ((_METADATA_FILTER.fullmatch(name), value) for name, value in request.query_params.multi_items())
    return {found.group(1): value for found, value in named if found} or None
