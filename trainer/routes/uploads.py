"""`/uploads`: a large file in parts."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from msgspec import Meta
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from trainer.core import Core
from trainer.errors import bad_request, not_found
from trainer.ids import new_id
from trainer.state import state_of
from trainer.storage.records import PartRecord, UploadRecord
from trainer.web.content import check_content, check_expiry, check_filename, check_purpose
from trainer.web.http import answer, read_json
from trainer.web.multipart import MultipartBody
from trainer.web.wire import show_part, show_upload

router = APIRouter(prefix="/uploads")
LIFE_S = 3600


class UploadExpiry(msgspec.Struct):
    """When the finished file expires."""

    anchor: str
    seconds: int


class UploadRequest(msgspec.Struct, rename={"size_bytes": "bytes"}):
    """The body that creates an upload."""

    filename: str
    purpose: str
    size_bytes: Annotated[int, Meta(ge=1)]
    mime_type: str
    expires_after: UploadExpiry | None = None


class CompleteRequest(msgspec.Struct):
    """The parts in order, and the checksum of the whole if the client knows it."""

    part_ids: Annotated[list[str], Meta(min_length=1, max_length=10_000)]
    md5: str | None = None


def _find(core: Core, upload_id: str) -> UploadRecord:
    upload = core.store.uploads.get(upload_id)
    if upload is None:
        raise not_found("Upload", upload_id, "upload_id")
    if upload.status == "pending" and upload.expires_at <= core.clock.now():
        upload.status = "expired"
        core.store.uploads.put(upload)
    return upload


def _find_pending(core: Core, upload_id: str) -> UploadRecord:
    upload = _find(core, upload_id)
    if upload.status != "pending":
        raise bad_request(f"Upload {upload_id} is {upload.status}.", "upload_id")
    return upload


@router.post("")
async def create(request: Request) -> Response:
    """Create an upload."""
    core = state_of(request).core
    body = await read_json(request, UploadRequest)
    if body.size_bytes > core.settings.upload_limit_bytes:
        raise bad_request(f"'bytes' may be at most {core.settings.upload_limit_bytes}.", "bytes")
    purpose = check_purpose(body.purpose)
    expiry = body.expires_after
    now = core.clock.now_s()
    upload = UploadRecord(
        id=new_id("upload_"),
        filename=check_filename(body.filename, purpose),
        purpose=purpose,
        size_bytes=body.size_bytes,
        created_at=now,
        expires_at=now + LIFE_S,
        file_expires_after_s=check_expiry(expiry.anchor, str(expiry.seconds)) if expiry else None,
    )
    core.store.uploads.put(upload)
    return answer(show_upload(upload, None))


@router.post("/{upload_id}/parts")
async def add_part(request: Request, upload_id: str) -> Response:
    """Store one part."""
    core = state_of(request).core
    _find_pending(core, upload_id)
    with MultipartBody(core.files.new_temporary()) as body:
        await body.read(request, "data", (), core.settings.part_limit_bytes)
        _find_pending(core, upload_id)
        part = PartRecord(
            id=new_id("part_"),
            upload_id=upload_id,
            size_bytes=body.path.stat().st_size,
            created_at=core.clock.now_s(),
        )
        body.path.rename(core.files.part_path(part.id))
        core.store.parts.put(part, owner=upload_id)
    return answer(show_part(part))


@router.post("/{upload_id}/complete")
async def complete(request: Request, upload_id: str) -> Response:
    """Join the parts in the order given and make the file."""
    core = state_of(request).core
    body = await read_json(request, CompleteRequest)
    upload = _find_pending(core, upload_id)
    known = {part.id: part for part in core.store.parts.all(upload_id)}
    for part_id in body.part_ids:
        if part_id not in known:
            raise bad_request(f"Part {part_id} does not belong to upload {upload_id}.", "part_ids")
    total = sum(known[part_id].size_bytes for part_id in body.part_ids)
    if total != upload.size_bytes:
        raise bad_request(
            f"The parts have {total} bytes together, announced were {upload.size_bytes}.", "bytes"
        )
    temporary = core.files.new_temporary()
    try:
        md5 = await run_in_threadpool(_join, core, temporary, body.part_ids)
        if body.md5 and body.md5.lower() != md5:
            raise bad_request("The md5 of the joined parts is another one.", "md5")
        await run_in_threadpool(check_content, temporary, upload.purpose, core.dialect)
        with core.store.transaction():
            upload = _find_pending(core, upload_id)
            file = core.files.adopt(
                temporary, upload.filename, upload.purpose, expires_after_s=upload.file_expires_after_s
            )
            upload.status, upload.file_id = "completed", file.id
            core.store.uploads.put(upload)
    finally:
        temporary.unlink(missing_ok=True)
    _drop_parts(core, upload_id)
    return answer(show_upload(upload, file))


@router.post("/{upload_id}/cancel")
async def cancel(request: Request, upload_id: str) -> Response:
    """Cancel an upload."""
    core = state_of(request).core
    upload = _find_pending(core, upload_id)
    upload.status = "cancelled"
    core.store.uploads.put(upload)
    _drop_parts(core, upload_id)
    return answer(show_upload(upload, None))


def _join(core: Core, target: Path, part_ids: Sequence[str]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with target.open("wb") as output:
        for part_id in part_ids:
            with core.files.part_path(part_id).open("rb") as part:
                shutil.copyfileobj(part, output, 1024 * 1024)
    with target.open("rb") as joined:
        while chunk := joined.read(1024 * 1024):
            digest.update(chunk)
    return digest.hexdigest()


def _drop_parts(core: Core, upload_id: str) -> None:
    for part in core.store.parts.all(upload_id):
        core.store.parts.delete(part.id)
        core.files.part_path(part.id).unlink(missing_ok=True)
