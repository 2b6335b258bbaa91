"""`Idempotency-Key`: a write that is sent twice happens once, and both requests get the first response.

The response is stored in the transaction that does the work, so neither exists without the other. Only
responses below 400 are stored: a refused write changed nothing and can be sent again. Secrets that are
shown once are not stored: a replayed response has null in their place.
"""

import hashlib
import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.core import clock
from service.core.db import transaction
from service.core.http.web import Route
from service.errors import Conflict, InvalidRequest
from service.teams.access import TEAM_HEADER, Caller
from service.teams.tables import IdempotencyRecord

HEADER = "idempotency-key"
_MAX_KEY_LENGTH = 255
_SHOWN_ONCE = ("secret", "signing_secret", "value")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def find_answer(session: Session, caller_id: str, key: str, fingerprint: bytes) -> Response | None:
    """Return the first response to this write; None if it is new, and then lock the key for this transaction.

    Raises `Conflict` if the key was used for another request, or is in use by one that still runs.
    """
    if not session.scalar(
        select(func.pg_try_advisory_xact_lock(func.hashtextextended(f"{caller_id} {key}", 0)))
    ):
        raise Conflict(
            "A request with this Idempotency-Key is still in progress. Send yours again once it has ended.",
            code="idempotency_in_flight",
        )
    known = session.get(IdempotencyRecord, (caller_id, key))
    if known is None:
        return None
    if known.fingerprint != fingerprint:
        raise Conflict(
            "This Idempotency-Key was used before with another method, path or body. Use a new key for each "
            "new request.",
            code="idempotency_key_reused",
        )
    headers = {"idempotent-replayed": "true"}
    return Response(known.body, known.status, headers, media_type="application/json")


def is_known(session: Session, caller_id: str, key: str) -> bool:
    """Whether a write with this key has been answered."""
    return session.get(IdempotencyRecord, (caller_id, key)) is not None


def remember(session: Session, caller_id: str, key: str, fingerprint: bytes, answer: Response) -> None:
    """Store the response in the transaction that does the work."""
    session.add(
        IdempotencyRecord(
            caller_id=caller_id,
            key=key,
            fingerprint=fingerprint,
            status=answer.status_code,
            body=_without_secrets(bytes(answer.body)),
            created_at=clock.now(),
        )
    )
    session.flush()


def _without_secrets(body: bytes) -> bytes:
    fields = json.loads(body)
    hidden = {name: None for name in _SHOWN_ONCE if name in fields}
    return json.dumps(fields | hidden).encode() if hidden else body


def fingerprint_of(request: Request, body: bytes) -> bytes:
    """Return 32 bytes that differ between different requests with the same key."""
    # For an admin, a header names the team.
    team = request.headers.get(TEAM_HEADER, "")
    line = f"{request.method} {request.url.path}?{request.url.query} {team}\n".encode()
    return hashlib.sha256(line + body).digest()


def key_of(request: Request) -> str | None:
    """Return the request's Idempotency-Key, if any. Raises `InvalidRequest` if it is empty or too long."""
    key = request.headers.get(HEADER)
    if key is not None and not 0 < len(key) <= _MAX_KEY_LENGTH:
        raise InvalidRequest(
            f"The Idempotency-Key header must have 1 to {_MAX_KEY_LENGTH} characters.", param=HEADER
        )
    return key


class IdempotentRoute(Route):
    """A router's `route_class` whose writes honour `Idempotency-Key`."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def once(request: Request) -> Response:
            key = key_of(request)
            if request.method in _SAFE_METHODS:
                return await handler(request)
            caller: Caller = request.state.caller
            fingerprint = fingerprint_of(request, await request.body())
            async with contextmanager_in_threadpool(transaction()) as session:
                if key is None:
                    return await _write(handler, request, session)
                answer = await run_in_threadpool(find_answer, session, caller.key_id, key, fingerprint)
                if answer is None:
                    answer = await _write(handler, request, session)
                    await run_in_threadpool(remember, session, caller.key_id, key, fingerprint, answer)
            return answer

        return once


async def _write(handler: Handler, request: Request, session: Session) -> Response:
    """Do the work in `session`, and call the application's `on_write` hooks in it."""
    request.state.session = session
    answer = await handler(request)
    for note in getattr(request.app.state, "on_write", ()):
        await run_in_threadpool(note, session, request, answer)
    return answer
