"""Routes for uploads in parts. Those that transfer many bytes hold no transaction open."""

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from service.core.db import transaction
from service.core.http.web import RequestSession
from service.files.form import described
from service.files.intake import Received, receive
from service.files.uploads import actions as uploads
from service.files.uploads.schemas import (
    PartOut,
    UploadComplete,
    UploadCreate,
    UploadOut,
    part_out,
    upload_out,
)
from service.teams.access import Trainer
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/uploads", tags=["uploads"], route_class=IdempotentRoute)
# No Idempotency-Key: a part sent twice is another part, and completing twice returns the same file.
moving = APIRouter(prefix="/v1/uploads", tags=["uploads"])

_FORM = described(
    ["data"],
    {
        "data": {"type": "string", "format": "binary", "description": "The bytes of the part, up to 64 MB."},
        "sha256": {
            "type": "string",
            "pattern": "^[0-9a-fA-F]{64}$",
            "description": "The SHA-256 of the part in hexadecimal, to check. Leave it out for no check.",
        },
    },
)


@router.post("")
def create_upload(body: UploadCreate, session: RequestSession, caller: Trainer) -> UploadOut:
    """Create an upload for a file of up to 8 GB. Send its parts and complete it within an hour."""
    expiry = body.expires_after
    upload = uploads.create_upload(
        session,
        team_id=caller.team,
        filename=body.filename,
        purpose=body.purpose,
        mime_type=body.mime_type,
        size_bytes=body.bytes,
        format=body.format,
        file_expires_after=timedelta(seconds=expiry.seconds) if expiry else None,
    )
    return upload_out(upload)


@moving.post("/{upload_id}/parts", openapi_extra=_FORM)
async def add_part(upload_id: str, request: Request, caller: Trainer) -> PartOut:
    """Add a part of at most 64 MB, in any order. With `sha256`, its checksum is verified."""
    team_id = caller.team
    await run_in_threadpool(_refuse_unless_pending, team_id, upload_id)
    async with receive(
        request,
        team_id=team_id,
        file_field="data",
        fields=("sha256",),
        limit_bytes=uploads.MAX_PART_BYTES,
        upload_id=upload_id,
    ) as received:
        return await run_in_threadpool(_add_part, team_id, upload_id, received)


@moving.post("/{upload_id}/complete")
def complete_upload(upload_id: str, body: UploadComplete, caller: Trainer) -> UploadOut:
    """Create a file from the listed parts, in that order. Other parts are deleted."""
    upload, file = uploads.complete(caller.team, upload_id, body.part_ids, body.md5)
    return upload_out(upload, file)


@router.post("/{upload_id}/cancel")
def cancel_upload(upload_id: str, session: RequestSession, caller: Trainer) -> UploadOut:
    """Cancel an upload and delete its parts."""
    upload = uploads.get_upload(session, caller.team, upload_id, lock=True)
    uploads.cancel(session, upload)
    return upload_out(upload)


def _refuse_unless_pending(team_id: str, upload_id: str) -> None:
    with transaction() as session:
        uploads.check_pending(uploads.get_upload(session, team_id, upload_id))


def _add_part(team_id: str, upload_id: str, received: Received) -> PartOut:
    with transaction() as session:
        return part_out(uploads.add_part(session, team_id, upload_id, received))
