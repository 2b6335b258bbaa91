"""A job's events as server-sent events, resumable by `Last-Event-ID`.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html. Each event's id is its number in the
job's log. When the job has ended, the stream ends with OpenAI's `data: [DONE]`; a browser that reconnects
after that gets 204, which tells it to stop. A stream may last for days, so its key is checked
again meanwhile.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import structlog
from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from service.errors import InvalidRequest, Unauthenticated
from service.events.tables import Event, EventCounter
from service.events.tail import Line, Tail
from service.events.types import EventType
from service.jobs.present import event_out

log = structlog.get_logger(__name__)

HEADER = "last-event-id"
_RECHECK_S = 2.0  # and with each heartbeat, if nothing happens
_HEARTBEAT_S = 15.0  # proxies close connections that are silent for 30 to 60 s
_RETRY_MS = 2000  # how long browsers wait before they reconnect
_LAST = (EventType.JOB_SUCCEEDED, EventType.JOB_FAILED, EventType.JOB_CANCELLED)
Recheck = Callable[
    [], Awaitable[object]
]  # raises `Unauthenticated` once the caller's key has stopped working
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def event_stream(session: Session, request: Request, team_id: str, job_id: str) -> Response:
    """Return the events of a team's job: those after `Last-Event-ID`, then new ones as they happen.

    The request's state has the `Recheck` of its door. Raises `InvalidRequest` if the header is not a number.
    The caller has checked that the job is the team's.
    """
    after = last_event_number(request)
    last_number = session.scalar(select(EventCounter.last_number).where(EventCounter.subject_id == job_id))
    ending = (
        Event.team_id == team_id,
        Event.subject_id == job_id,
        Event.type.in_(_LAST),
        Event.number <= after,
    )
    ended = session.scalar(select(Event.number).where(*ending).limit(1)) is not None
    if ended and after >= (last_number or 0):
        return Response(status_code=204)
    frames = _frames(request, team_id, job_id, after, ended)
    return StreamingResponse(frames, media_type="text/event-stream", headers=_HEADERS)


def last_event_number(request: Request) -> int:
    """The number of the last event that the client has seen, 0 for none. Raises `InvalidRequest`."""
    text = request.headers.get(HEADER, "").strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidRequest(
            "The Last-Event-ID header must be the number of an event in this job's log, such as '12'.",
            param=HEADER,
        )
    return int(text)


def _render(event: Event) -> Line:
    text = f"id: {event.number}\ndata: {event_out(event).model_dump_json()}\n\n"
    return Line(event.number, text.encode(), ends=event.type in _LAST)


_tail = Tail(_render)


async def _frames(
    request: Request, team_id: str, job_id: str, after: int, ended: bool
) -> AsyncIterator[bytes]:
    yield f"retry: {_RETRY_MS}\n\n".encode()
    following = _tail.follow(team_id, job_id, after, idle_s=_HEARTBEAT_S, ended=ended)
    recheck: Recheck = request.state.recheck
    check_at = time.monotonic() + _RECHECK_S
    try:
        async with aclosing(following):
            async for lines in following:
                if await request.is_disconnected():
                    return
                if time.monotonic() >= check_at:
                    await recheck()
                    check_at = time.monotonic() + _RECHECK_S
                yield b"".join(line.text for line in lines) or b": still here\n\n"
    except (SQLAlchemyError, TimeoutError) as away:
        # The status is sent already. Ending the stream makes the client reconnect and resume.
        log.warning("event_stream_broken", reason=type(away).__name__)
        return
    except Unauthenticated:
        return  # the client reconnects, and is told why
    yield b"data: [DONE]\n\n"
