"""Record requests in the audit log.

Successful writes through `IdempotentRoute` are recorded in the transaction that makes them. The middleware
records the rest before the response is sent: refused and failed writes, routes that manage their own
transactions, and reads by admins, for one team or across all.
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
_READS = ("GET", "HEAD")
# Use of models is metered by the ledger, and estimates change nothing.
_NO_CHANGES = re.compile(r"/v1/(chat/completions|completions|responses|fine_tuning/estimates)(/.*)?")
# A page's address has no `/v1`: the pages' door marks their requests.
PAGE = "is_page"
# Neither is a team's content: the record itself, and who is calling.
_NO_CONTENT = ("/v1/audit_events", "/v1/me")
_LARGEST_BODY = 64 * 1024  # of an answer that is searched for the id of what was created
_RECORDED = "audited"
_REPLAYED = "idempotent-replayed"


def note_write(session: Session, request: Request, answer: Response) -> None:
    """Record a successful write in the transaction that made it."""
    if _is_write(request.scope):
        _append(session, request.scope, answer.status_code, bytes(getattr(answer, "body", b"")))
        setattr(request.state, _RECORDED, True)


class AuditTrail:
    """Record the requests that `note_write` does not see."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not (_is_write(scope) or _may_show_content(scope)):
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})
        held: Message | None = None

        async def recording(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                held = message
                return
            if held is not None:
                await _record(scope, held, message.get("body", b""))
                start, held = held, None
                await send(start)
            await send(message)

        try:
            await self.app(scope, receive, recording)
        except Exception:  # record any failure; an outer layer answers it with a 500
            await _record(scope, {"status": 500, "headers": []}, b"")
            raise


def _is_write(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in _WRITES:
        return False
    path: str = scope["path"]
    return _is_recorded(scope) and not _NO_CHANGES.fullmatch(path)


def _may_show_content(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in _READS:
        return False
    path: str = scope["path"]
    return _is_recorded(scope) and not path.startswith(_NO_CONTENT)


def _is_recorded(scope: Scope) -> bool:
    return scope["path"].startswith("/v1/") or PAGE in scope.get("state", {})


async def _record(scope: Scope, start: Message, body: bytes) -> None:
    caller: Caller | None = scope["state"].get("caller")
    if caller is None:
        return
    if scope["method"] in _READS:
        # A list across all teams shows every team's content. Refused reads have shown nothing.
        if caller.is_admin and start["status"] < 400:
            await run_in_threadpool(_record_read, scope, start["status"])
    elif _RECORDED not in scope["state"] and Headers(raw=start["headers"]).get(_REPLAYED) is None:
        await run_in_threadpool(_record_write, scope, start["status"], body)


def _record_read(scope: Scope, status: int) -> None:
    """Record a read. If that fails, the exception keeps the response from being sent."""
    with transaction() as session:
        _append(session, scope, status, b"")


def _record_write(scope: Scope, status: int, body: bytes) -> None:
    try:
        with transaction() as session:
            _append(session, scope, status, body)
    except SQLAlchemyError as failure:
        # The write has been committed, so the response is sent all the same; the access log has the request.
        log.error("audit_event_lost", reason=type(failure).__name__, path=scope["path"])


def _append(session: Session, scope: Scope, status: int, body: bytes) -> None:
    caller: Caller = scope["state"]["caller"]
    params: dict[str, Any] = scope.get("path_params", {})
    created = _created(body) if status < 400 else None
    object_id = created or next(reversed(list(params.values())), None)
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
    """Return the key's team; for an admin, the team that the request names or has just created."""
    if caller.team_id is not None:
        return caller.team_id
    if "team_id" in params:
        return str(params["team_id"])
    return object_id if object_id and object_id.startswith("team_") else None


def _created(body: bytes) -> str | None:
    if not body or len(body) > _LARGEST_BODY:
        return None
    try:
        fields = json.loads(body)
    except ValueError:
        return None
    found = fields.get("id") if isinstance(fields, dict) else None
    return found if isinstance(found, str) else None
