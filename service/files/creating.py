"""Create a file from a received form: validate its fields, and honour its Idempotency-Key."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core import clock
from service.core.db import transaction
from service.dataset.formats.detect import FORMATS
from service.errors import InvalidRequest
from service.files import actions, intake
from service.files.intake import Received
from service.files.schemas import file_out
from service.files.tables import File, Purpose
from service.teams import idempotency
from service.teams.quotas.actions import Quota, require_room
from service.teams.sdk_retries import LONGEST_RETRY, is_retry, lock_request

MIN_EXPIRY_S, MAX_EXPIRY_S = 3_600, 2_592_000
_ANCHOR, _SECONDS = "expires_after[anchor]", "expires_after[seconds]"
FIELDS = ("purpose", "format", _ANCHOR, _SECONDS)


@dataclass(frozen=True)
class WantedFile:
    """The validated fields of a form."""

    received: Received
    expires_after: timedelta | None
    format: str | None


def read_form(received: Received) -> WantedFile:
    """Validate the fields of a form. Raises `InvalidRequest`."""
    check_purpose(received.fields.get("purpose"))
    format_name = received.fields.get("format")
    if format_name is not None and format_name not in FORMATS:
        raise InvalidRequest(f"'format' must be one of: {', '.join(FORMATS)}.", param="format")
    seconds = received.fields.get(_SECONDS)
    anchor = received.fields.get(_ANCHOR)
    if seconds is None and anchor is None:
        return WantedFile(received, None, format_name)
    if seconds is None or not (seconds.isascii() and seconds.isdigit() and len(seconds) < 10):
        raise InvalidRequest("'expires_after[seconds]' must be a whole number.", param=_SECONDS)
    return WantedFile(received, expiry(anchor, int(seconds)), format_name)


def check_purpose(purpose: str | None) -> None:
    """Refuse purposes other than training, which Tunehouse does not support."""
    if purpose != Purpose.FINE_TUNE:
        sent = "is missing" if purpose is None else f"is {purpose[:64]!r}"
        raise InvalidRequest(f"'purpose' {sent}; it must be '{Purpose.FINE_TUNE}'.", param="purpose")


def expiry(anchor: str | None, seconds: int) -> timedelta:
    """Return the time until a file expires. Raises `InvalidRequest`."""
    if anchor != "created_at":
        raise InvalidRequest("'expires_after[anchor]' must be 'created_at'.", param=_ANCHOR)
    if not MIN_EXPIRY_S <= seconds <= MAX_EXPIRY_S:
        raise InvalidRequest(
            f"'expires_after[seconds]' must be from {MIN_EXPIRY_S} to {MAX_EXPIRY_S}.", param=_SECONDS
        )
    return timedelta(seconds=seconds)


def check_room(request: Request, caller_id: str, idempotency_key: str | None, team_id: str) -> bool:
    """Check the team's quota of files before the body is read; return whether the request may repeat another.

    Such a request passes: it may add nothing, and `create` checks again. Raises `QuotaExceeded`.
    """
    with transaction() as session:
        if idempotency_key is not None:
            may_repeat = idempotency.is_known(session, caller_id, idempotency_key)
        else:
            may_repeat = is_retry(request.headers)
        if not may_repeat:
            require_room(session, team_id, Quota.FILES)
    return may_repeat


def create(
    request: Request, caller_id: str, idempotency_key: str | None, team_id: str, wanted: WantedFile
) -> Response:
    """Create and commit the file, and return its response; a repeated key returns the first response.

    A retry by the SDK, whose first attempt got no answer, returns the file that the first attempt created.
    Bodies are compared by the file's hash and fields, because the body itself is not kept.
    """
    received = wanted.received
    identity = f"{received.sha256} {received.filename} {wanted.expires_after} {wanted.format}".encode()
    mark = hashlib.sha256(identity).digest()
    fingerprint = idempotency.fingerprint_of(request, mark)
    with transaction() as session:
        if idempotency_key is None:
            lock_request(session, team_id, team_id, mark)
            earlier = _made_before(session, team_id, wanted) if is_retry(request.headers) else None
            if earlier is None:
                return _create(session, team_id, wanted)
            intake.abandon(session, received.key)
            return _answer(earlier)
        answer = idempotency.find_answer(session, caller_id, idempotency_key, fingerprint)
        if answer is not None:
            intake.abandon(session, received.key)
            return answer
        answer = _create(session, team_id, wanted)
        idempotency.remember(session, caller_id, idempotency_key, fingerprint, answer)
        return answer


def create_now(team_id: str, wanted: WantedFile) -> str:
    """Create and commit the file, without looking for an earlier attempt, and return its id."""
    with transaction() as session:
        return _insert(session, team_id, wanted).id


def _create(session: Session, team_id: str, wanted: WantedFile) -> JSONResponse:
    return _answer(_insert(session, team_id, wanted))


def _insert(session: Session, team_id: str, wanted: WantedFile) -> File:
    return actions.create_file(
        session,
        team_id=team_id,
        filename=wanted.received.filename,
        size_bytes=wanted.received.size_bytes,
        sha256=wanted.received.sha256,
        storage_keys=[wanted.received.key],
        expires_after=wanted.expires_after,
        format=wanted.format,
    )


def _made_before(session: Session, team_id: str, wanted: WantedFile) -> File | None:
    """Return the file that an earlier attempt of this request created, if any."""
    received = wanted.received
    same = select(File).where(
        File.team_id == team_id,
        File.sha256 == received.sha256,
        File.filename == received.filename,
        File.purpose == Purpose.FINE_TUNE.value,
        File.deleted_at.is_(None),
        File.created_at > clock.now() - LONGEST_RETRY,
    )
    for file in session.scalars(same.order_by(File.created_at.desc())):
        expires_after = file.expires_at - file.created_at if file.expires_at else None
        if expires_after == wanted.expires_after and wanted.format in (None, file.format):
            return file
    return None


def _answer(file: File) -> JSONResponse:
    return JSONResponse(file_out(file).model_dump(mode="json"))
