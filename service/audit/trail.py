"""How requests come into the audit log.

Writes that go through `IdempotentRoute` are noted in the transaction that does them. The middleware notes
whatever is left: writes that were refused or failed, and routes that manage their own transactions; it does
so before the answer goes out.
"""

import json
import re
from typing import Any

import structlog
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.audit.actions import append
from service.core.db import transaction
from service.teams.access import Caller

log = structlog.get_logger(__name__)

_WRITES = ("POST", "PUT", "PATCH", "DELETE")
# Use of models is metered by the ledger, and estimates change nothing.
_NO_CHANGES = re.compile(r"/v1/(chat/completions|completions|responses|fine_tuning/estimates)(/.*)?")
_LARGEST_BODY = 64 * 1024  # of an answer that is searched for the id of what was made
_NOTED = "audited"
_REPLAYED = "idempotent-replayed"


def note_write(session: Session, request: Request, answer: Response) -> None:
    """Note a write that worked in its own transaction."""
    if _is_audited(request.scope):
        _append(session, request.scope, answer.status_code, bytes(getattr(answer, "body", b"")))
        setattr(request.state, _NOTED, True)


class AuditTrail:
    """The net under `note_write`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_audited(scope):
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})
        held: Message | None = None

        async def noting(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                held = message
                return
            if held is not None:
                await run_in_threadpool(_note_rest, scope, held, message.get("body", b""))
                start, held = held, None
                await send(start)
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception:  # whatever it is, it is answered with 500 further out and belongs in the log
            await run_in_threadpool(_note_rest, scope, {"status": 500, "headers": []}, b"")
            raise


def _is_audited(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in _WRITES:
        return False
    path: str = scope["path"]
    return path.startswith("/v1/") and not _NO_CHANGES.fullmatch(path)


def _note_rest(scope: Scope, start: Message, body: bytes) -> None:
    replayed = Headers(raw=start["headers"]).get(_REPLAYED) is not None
    if replayed or _NOTED in scope["state"] or "caller" not in scope["state"]:
        return
    try:
        with transaction() as session:
            _append(session, scope, start["status"], body)
    except SQLAlchemyError as failure:
        # The answer stands; the access log still tells of the request.
        log.error("audit_event_lost", reason=type(failure).__name__, path=scope["path"])


def _append(session: Session, scope: Scope, status: int, body: bytes) -> None:
    caller: Caller = scope["state"]["caller"]
    params: dict[str, Any] = scope.get("path_params", {})
    made = _made(body) if status < 400 else None
    object_id = made or next(reversed(list(params.values())), None)
    client = scope.get("client")
    append(
        session,
        team_id=_team(caller, params, object_id),
        key_id=caller.key_id,
        by_admin=caller.is_admin,
        action=f"{scope['method']} {getattr(scope.get('route'), 'path', scope['path'])}",
        object_id=object_id,
        params=params,
        status_code=status,
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
        ip=client[0] if client else None,
        user_agent=Headers(scope=scope).get("user-agent"),
    )


def _team(caller: Caller, params: dict[str, Any], object_id: str | None) -> str | None:
    """The team concerned: a team's key writes for its own; an admin for the one named, or just made."""
    if caller.team_id is not None:
        return caller.team_id
    if "team_id" in params:
        return str(params["team_id"])
    return object_id if object_id and object_id.startswith("team_") else None


def _made(body: bytes) -> str | None:
    if not body or len(body) > _LARGEST_BODY:
        return None
    try:
        fields = json.loads(body)
    except ValueError:
        return None
    found = fields.get("id") if isinstance(fields, dict) else None
    return found if isinstance(found, str) else None
