"""The stages of a job, as the stepper on its page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.jobs.schemas import JobEventOut, JobOut
from service.pages.words import count, dollars, moment

_ORDER = ("validating_files", "queued", "running", "settled")
_NAMES = {
    "validating_files": "Checked",
    "queued": "Queued",
    "running": "Training",
    "settled": "Settled",
}


@dataclass(frozen=True)
class Stage:
    """One stage; `css` is done, now, failed or todo."""

    css: str
    name: str
    note: str


def stages_of(job: JobOut, events: Sequence[JobEventOut]) -> list[Stage]:
    """Return the stages in order."""
    reached = _reached(job, events)
    has_ended = job.finished_at is not None
    found = []
    for place, key in enumerate(_ORDER):
        if has_ended and job.status != "succeeded" and place == reached:
            found.append(Stage("failed", job.status.title(), _ending(job)))
        elif place < reached or (has_ended and job.status == "succeeded"):
            found.append(Stage("done", _NAMES[key], _note(key, job, events)))
        elif place == reached:
            name = {"paused": "Paused", "pausing": "Pausing"}.get(job.status, _NAMES[key])
            found.append(Stage("now", name, _note(key, job, events)))
        else:
            found.append(Stage("todo", _NAMES[key], ""))
    return found


def _reached(job: JobOut, events: Sequence[JobEventOut]) -> int:
    if job.status == "succeeded":
        return len(_ORDER) - 1
    if job.status in ("running", "paused", "pausing"):
        return 2
    if job.status == "queued":
        return 1
    if job.finished_at is None:
        return 0
    has_trained = job.trained_tokens or any(event.type == "metrics" for event in events)
    return 2 if has_trained else 1 if job.tunehouse.provider_status else 0


def _note(key: str, job: JobOut, events: Sequence[JobEventOut]) -> str:
    extras = job.tunehouse
    if key == "validating_files":
        estimated = extras.estimated_cost_usd
        return f"{dollars(estimated)} estimated" if estimated else "reading the files"
    if key == "queued":
        if extras.queue_position is not None:
            return f"place {extras.queue_position}, waiting for {extras.waiting_for}"
        return f"at {extras.provider}"
    if key == "running":
        return _progress(job, events)
    return f"{dollars(extras.cost_usd)} charged" if job.finished_at else ""


def _progress(job: JobOut, events: Sequence[JobEventOut]) -> str:
    latest = next((event.data for event in events if "step" in event.data), None)
    if job.finished_at is not None:
        return f"{count(job.trained_tokens)} tokens" if job.trained_tokens else ""
    if latest is None:
        return "starting"
    total = latest.get("total_steps")
    done = f"step {count(latest['step'])}" + (f" of {count(total)}" if total else "")
    return f"{done}, until {moment(job.estimated_finish)[11:]}" if job.estimated_finish else done


def _ending(job: JobOut) -> str:
    return (job.error.message or moment(job.finished_at))[:120]
