"""The pages of jobs: the list, one job, and what can be asked of it."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from service.core.http.web import RequestSession
from service.errors import InvalidRequest
from service.events.queries import list_events
from service.jobs import queries
from service.jobs.metrics.routes import show_metrics
from service.jobs.present import checkpoint_out, event_out
from service.jobs.routes import cancel_job, pause_job, resume_job, retrieve_job
from service.jobs.schemas import JobEventOut, JobOut
from service.jobs.states import ALLOWED, JobStatus, RequestedAction
from service.jobs.stream import event_stream
from service.pages.jobs import curves, recipe
from service.pages.jobs.rows import COLUMNS, jobs_out, row_of, title_of
from service.pages.jobs.stages import stages_of
from service.pages.listing import Column, Field, Listing, more_after, rows_of
from service.pages.render import leave, render, show
from service.pages.words import dollars, iso
from service.settings import settings
from service.teams.access import Reader, Trainer
from service.teams.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute)

Action = Annotated[Literal["cancel", "pause", "resume"], Path()]
_LATEST_EVENTS = 100
_LATEST_CHECKPOINTS = 50
_DONE = {"cancel": "Cancelling the job.", "pause": "Pausing the job.", "resume": "Resuming the job."}
_WORDS = {
    "cancel": "What was trained so far is charged, and no model comes out of it. You cannot undo this.",
    "pause": "The provider keeps what was trained so far. You can resume the job later.",
    "resume": "The job continues where it stopped.",
}


@router.get("/jobs")
def jobs(
    request: Request,
    session: RequestSession,
    caller: Reader,
    q: str = "",
    state: str = "",
    after: str | None = None,
) -> Response:
    """List the team's jobs."""
    page = queries.list_jobs(
        session,
        caller.team,
        after=after,
        limit=rows_of(request),
        metadata=None,
        status=state or None,
        name=q,
    )
    found = jobs_out(session, caller.team, page.rows)
    listing = Listing(
        "jobs",
        "Jobs",
        COLUMNS,
        [row_of(job) for job in found],
        empty="No job matches." if q or state else "No job yet. Upload data, then train a model on it.",
        more=more_after(request, found[-1].id if found else None, page.has_more),
    )
    return show(request, "jobs.html", lists=[listing], q=q, state=state, states=list(JobStatus))


@router.get("/jobs/{job_id}")
def job(request: Request, job_id: str, session: RequestSession, caller: Reader) -> Response:
    """Show a job: what is happening, what it costs, and what comes out of it."""
    row = queries.get_job(session, caller.team, job_id)
    (shown,) = jobs_out(session, caller.team, [row])
    events = [
        event_out(event) for event in list_events(session, caller.team, job_id, limit=_LATEST_EVENTS).rows
    ]
    checkpoints = [
        checkpoint_out(one)
        for one in queries.list_checkpoints(session, row, after=None, limit=_LATEST_CHECKPOINTS).rows
    ]
    metrics = show_metrics(job_id, session, caller)
    return show(
        request,
        "job.html",
        lists=[curves.points(metrics), curves.checkpoints(checkpoints), _log(events)],
        job=shown,
        log=events,
        title=title_of(shown),
        stages=stages_of(shown, events),
        chart=curves.chart(metrics, checkpoints, events),
        accuracy=curves.accuracy(metrics),
        may=_possible(shown),
        is_live=shown.finished_at is None,
        money=recipe.money(shown),
        recipe=recipe.facts(shown),
        python=recipe.python(shown, settings().public_url),
        curl=recipe.curl(shown, settings().public_url),
    )


@router.get("/jobs/{job_id}/stream")
def stream(request: Request, job_id: str, session: RequestSession, caller: Reader) -> Response:
    """Send the job's events as they happen; the page then reads itself again."""
    queries.get_job(session, caller.team, job_id)
    return event_stream(session, request, caller.team, job_id)


@router.get("/jobs/{job_id}/{action}")
def ask(request: Request, job_id: str, action: Action, session: RequestSession, caller: Trainer) -> Response:
    """Ask before a job is cancelled, paused or resumed, and say what it has cost."""
    shown = retrieve_job(job_id, session, caller)
    if action not in _possible(shown):
        raise InvalidRequest(f"The job is {shown.status}. You cannot {action} it.", code="invalid_job_state")
    extras = shown.tunehouse
    return render(
        request,
        "ask.html",
        title=f"{action.title()} {title_of(shown)}?",
        words=_WORDS[action],
        pairs=[
            ("Charged so far", dollars(extras.cost_usd)),
            ("Held for the rest", dollars(extras.held_usd)),
            ("Estimated in all", dollars(extras.estimated_cost_usd)),
        ],
        action=f"/jobs/{job_id}/{action}",
        back=f"/jobs/{job_id}",
        no="Leave it as it is",
        yes=f"{action.title()} the job",
    )


@router.post("/jobs/{job_id}/{action}")
def act(request: Request, job_id: str, action: Action, session: RequestSession, caller: Trainer) -> Response:
    """Request that a job be cancelled, paused or resumed."""
    {"cancel": cancel_job, "pause": pause_job, "resume": resume_job}[action](job_id, session, caller)
    return leave(request, f"/jobs/{job_id}", _DONE[action])


def _possible(job: JobOut) -> list[str]:
    status = JobStatus(job.status)
    if job.tunehouse.requested == RequestedAction.CANCEL:
        return []
    return [action.value for action in RequestedAction if status in ALLOWED[action]]


def _log(events: Sequence[JobEventOut]) -> Listing:
    return Listing(
        "events",
        "Events",
        (Column("Time"), Column("Level"), Column("Event")),
        [(Field(iso(event.created_at)), Field(event.level), Field(event.message)) for event in events],
    )
