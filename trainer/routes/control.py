"""`/control`: clock, faults, limits, webhooks and counts; mounted only with `--control`."""

from __future__ import annotations

import asyncio
import re
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Request
from msgspec import Meta
from starlette.responses import Response

from trainer.errors import ApiError, bad_request, no_such_model
from trainer.faults.control import AnswerBehaviour, ControlState, CreationLimits, WebhookBehaviour
from trainer.faults.rules import Rule
from trainer.state import TrainerState, state_of
from trainer.storage.records import JobFailure
from trainer.training.actions import find_job
from trainer.training.outcome import TERMINAL, fail_job
from trainer.web.http import answer, read_json
from trainer.webhooks.outbox import PENDING

router = APIRouter(prefix="/control")


class ClockRequest(msgspec.Struct, forbid_unknown_fields=True):
    """`manual` stands still at `now`; `real` follows the machine."""

    mode: Literal["real", "manual"]
    now: Annotated[float, Meta(ge=0, le=10**11)] | None = None


class AdvanceRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How far to move a manual clock."""

    seconds: Annotated[float, Meta(gt=0, le=10**9)]


class FaultsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Rules to put in force."""

    rules: list[Rule]


class ModelRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A shutdown date as YYYY-MM-DD, or None to take it back."""

    shutdown_date: str | None


class DeploymentRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The model to serve, or None to serve none."""

    model: str | None


class JobChange(msgspec.Struct, forbid_unknown_fields=True):
    """Make a job fail, or show it in a status of any name (None shows its own again)."""

    failure: JobFailure | None = None
    status_shown: str | None = None


def _clock(state: TrainerState) -> dict[str, Any]:
    clock = state.core.clock
    return {"mode": "manual" if clock.is_manual else "real", "now": clock.now()}


@router.get("/clock")
async def show_clock(request: Request) -> Response:
    """The mode and the time."""
    return answer(_clock(state_of(request)))


@router.put("/clock")
async def set_clock(request: Request) -> Response:
    """Stop the clock or let it run."""
    state = state_of(request)
    body = await read_json(request, ClockRequest)
    if body.mode == "manual":
        state.core.clock.set_manual(body.now)
    else:
        state.core.clock.set_real()
    state.runner.wake()
    return answer(_clock(state))


@router.post("/clock/advance")
async def advance(request: Request) -> Response:
    """Move a manual clock; responds once every job has done what became due."""
    state = state_of(request)
    body = await read_json(request, AdvanceRequest)
    if not state.core.clock.is_manual:
        raise bad_request("The clock follows the machine; put it in manual mode first.")
    state.core.clock.advance(body.seconds)
    if not await asyncio.to_thread(state.runner.settle):
        raise ApiError(503, "The jobs have not settled in time.", kind="server_error")
    return answer(_clock(state))


@router.get("/faults")
async def show_faults(request: Request) -> Response:
    """The rules and how often they acted."""
    return answer({"rules": state_of(request).faults.snapshot()})


@router.put("/faults")
async def replace_faults(request: Request) -> Response:
    """Put these rules in place of all others; an empty list ends them."""
    state = state_of(request)
    body = await read_json(request, FaultsRequest)
    try:
        state.faults.replace(body.rules)
    except re.error as error:
        raise bad_request(f"A pattern is not a regular expression: {error}", "rules") from error
    return answer({"rules": state.faults.snapshot()})


@router.post("/faults")
async def append_faults(request: Request) -> Response:
    """Add rules after those in force."""
    state = state_of(request)
    body = await read_json(request, FaultsRequest)
    try:
        state.faults.append(body.rules)
    except re.error as error:
        raise bad_request(f"A pattern is not a regular expression: {error}", "rules") from error
    return answer({"rules": state.faults.snapshot()})


@router.put("/webhooks")
async def set_webhooks(request: Request) -> Response:
    """Set the behaviour of webhooks."""
    state = state_of(request)
    state.core.control.state.webhooks = await read_json(request, WebhookBehaviour)
    state.core.control.save()
    state.sender.wake()
    return answer(state.core.control.state.webhooks)


@router.get("/webhooks")
async def show_webhooks(request: Request) -> Response:
    """The behaviour and every delivery with its attempts."""
    core = state_of(request).core
    deliveries = [*core.store.deliveries.all("done"), *core.store.deliveries.all(PENDING)]
    return answer({"behaviour": core.control.state.webhooks, "deliveries": deliveries})


@router.put("/answers")
async def set_answers(request: Request) -> Response:
    """Set the pace of answers."""
    control = state_of(request).core.control
    control.state.answers = await read_json(request, AnswerBehaviour)
    control.save()
    return answer(control.state.answers)


@router.put("/limits")
async def set_limits(request: Request) -> Response:
    """Set the limits on new jobs."""
    control = state_of(request).core.control
    control.state.limits = await read_json(request, CreationLimits)
    control.save()
    return answer(control.state.limits)


@router.put("/models/{name:path}")
async def set_model(request: Request, name: str) -> Response:
    """Announce a model's shutdown."""
    control = state_of(request).core.control
    body = await read_json(request, ModelRequest)
    control.state.shutdown_dates.pop(name, None)
    if body.shutdown_date is not None:
        try:
            control.state.shutdown_dates[name] = date.fromisoformat(body.shutdown_date).isoformat()
        except ValueError as error:
            raise bad_request("A date looks like 2027-01-14.", "shutdown_date") from error
    control.save()
    return answer({"id": name, "shutdown_date": control.state.shutdown_dates.get(name)})


@router.put("/deployments/{name}")
async def set_deployment(request: Request, name: str) -> Response:
    """Deploy a model under a name, or end that with None; at Azure another API does this."""
    core = state_of(request).core
    body = await read_json(request, DeploymentRequest)
    core.control.state.deployments.pop(name, None)
    if body.model is not None:
        if core.store.models.get(body.model) is None:
            raise no_such_model(body.model)
        core.control.state.deployments[name] = body.model
    core.control.save()
    return answer({"name": name, "model": body.model})


@router.patch("/jobs/{job_id}")
async def change_job(request: Request, job_id: str) -> Response:
    """Fail a job, or show it in another status."""
    state = state_of(request)
    core = state.core
    body = await read_json(request, JobChange)
    with core.store.transaction():
        job = find_job(core, job_id)
        job.status_shown = body.status_shown
        core.store.jobs.put(job)
        if body.failure and job.status not in TERMINAL:
            fail_job(core, job, core.clock.now(), body.failure)
    state.sender.wake()
    return answer({"id": job.id, "status": job.status, "status_shown": job.status_shown})


@router.post("/reset")
async def reset(request: Request) -> Response:
    """Undo what this API has set: real clock, no faults, normal behaviour, counts at zero."""
    state = state_of(request)
    state.core.clock.set_real()
    state.faults.replace([])
    state.forget_requests()
    state.core.control.state = ControlState()
    state.core.control.save()
    state.runner.wake()
    return answer({"status": "ok"})


@router.get("/requests")
async def show_requests(request: Request) -> Response:
    """Requests counted by method and path, and tokens of answers, since the start or the last delete."""
    state = state_of(request)
    counts, tokens = state.requests, state.core.answered
    return answer(
        {
            "total": sum(counts.values()),
            "counts": dict(sorted(counts.items())),
            "tokens": dict(tokens),
            "running": state.running,
        }
    )


@router.delete("/requests")
async def forget_requests(request: Request) -> Response:
    """Count from zero again."""
    state_of(request).forget_requests()
    return answer({"total": 0, "counts": {}, "tokens": {}})
