"""`/fine_tuning/jobs` with events and checkpoints."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from trainer.faults.spoil import SCOPE_KEY
from trainer.state import state_of
from trainer.storage.records import JobRecord
from trainer.training import actions
from trainer.training.create import create_job
from trainer.training.schema import RequestedJob
from trainer.web.http import answer, bracketed, read_after, read_json, read_limit
from trainer.web.wire import Wire, show_checkpoint, show_event, show_job, show_list

router = APIRouter(prefix="/fine_tuning/jobs")


def _show(request: Request, job: JobRecord) -> Wire:
    shown = show_job(state_of(request).core, job)
    rule = request.scope.get(SCOPE_KEY)
    if rule and rule.kind == "job_status":
        shown["status"] = rule.status_name
    return shown


@router.post("")
async def create(request: Request) -> Response:
    """Start a job."""
    state = state_of(request)
    job = create_job(state.core, await read_json(request, RequestedJob))
    if job.due_at is not None:
        state.runner.schedule(job.id, job.due_at)
    return answer(_show(request, job))


@router.get("")
async def list_jobs(request: Request) -> Response:
    """A page of jobs with all metadata pairs asked for; `metadata=null` means jobs without any."""
    labels = bracketed(request, "metadata")
    clauses = ["id IN (SELECT job_id FROM labels WHERE key=? AND value=?)"] * len(labels)
    if request.query_params.get("metadata") == "null":
        clauses.append("id NOT IN (SELECT job_id FROM labels)")
    jobs, has_more = state_of(request).core.store.jobs.page(
        after=read_after(request),
        limit=read_limit(request, 20, 1000),
        where=" AND ".join(clauses),
        args=tuple(text for pair in labels.items() for text in pair),
    )
    return answer(show_list([_show(request, job) for job in jobs], has_more=has_more))


@router.get("/{job_id}")
async def retrieve(request: Request, job_id: str) -> Response:
    """One job."""
    return answer(_show(request, actions.find_job(state_of(request).core, job_id)))


@router.post("/{job_id}/cancel")
async def cancel(request: Request, job_id: str) -> Response:
    """Cancel a job."""
    state = state_of(request)
    job = actions.cancel(state.core, job_id)
    state.runner.schedule(job.id, state.core.clock.now())  # so that what its training needed is dropped
    state.sender.wake()
    return answer(_show(request, job))


@router.post("/{job_id}/pause")
async def pause(request: Request, job_id: str) -> Response:
    """Pause a running job."""
    return answer(_show(request, actions.pause(state_of(request).core, job_id)))


@router.post("/{job_id}/resume")
async def resume(request: Request, job_id: str) -> Response:
    """Queue a paused job again."""
    state = state_of(request)
    job = actions.resume(state.core, job_id)
    if job.due_at is not None:
        state.runner.schedule(job.id, job.due_at)
    return answer(_show(request, job))


@router.get("/{job_id}/events")
async def events(request: Request, job_id: str) -> Response:
    """A page of a job's log, newest first."""
    core = state_of(request).core
    job = actions.find_job(core, job_id)
    page, has_more = core.store.events.page(
        owner=job.id, after=read_after(request), limit=read_limit(request, 20, 1000)
    )
    return answer(show_list([show_event(event) for event in page], has_more=has_more))


@router.get("/{job_id}/checkpoints")
async def checkpoints(request: Request, job_id: str) -> Response:
    """A page of a job's checkpoints, newest first."""
    core = state_of(request).core
    job = actions.find_job(core, job_id)
    page, has_more = core.store.checkpoints.page(
        owner=job.id, after=read_after(request), limit=read_limit(request, 10, 1000)
    )
    return answer(show_list([show_checkpoint(item) for item in page], has_more=has_more))
