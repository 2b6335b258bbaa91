"""`/files`: upload, list, retrieve, download, delete."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from trainer.errors import bad_request, not_found
from trainer.state import state_of
from trainer.storage.records import FileRecord
from trainer.web.content import check_content, check_expiry, check_filename, check_purpose
from trainer.web.http import answer, read_after, read_limit
from trainer.web.multipart import MultipartBody
from trainer.web.wire import show_file, show_list

router = APIRouter()
_FIELDS = ("purpose", "expires_after[anchor]", "expires_after[seconds]")


def _find(request: Request, file_id: str) -> FileRecord:
    file = state_of(request).core.files.find(file_id)
    if file is None:
        raise not_found("File", file_id)
    return file


@router.post("/files")
async def create(request: Request) -> Response:
    """Store a file; its row is written once the content is complete and checked."""
    core = state_of(request).core
    with MultipartBody(core.files.new_temporary()) as body:
        await body.read(request, "file", _FIELDS, core.settings.file_limit_bytes)
        purpose = check_purpose(body.fields.get("purpose"))
        filename = check_filename(body.filename, purpose)
        expiry = check_expiry(
            body.fields.get("expires_after[anchor]"), body.fields.get("expires_after[seconds]")
        )
        await run_in_threadpool(check_content, body.path, purpose, core.dialect)
        file = core.files.adopt(body.path, filename, purpose, expires_after_s=expiry)
    return answer(show_file(file))


@router.get("/files")
async def list_files(request: Request) -> Response:
    """A page of files."""
    core = state_of(request).core
    order = request.query_params.get("order", "desc")
    if order not in ("asc", "desc"):
        raise bad_request("'order' must be 'asc' or 'desc'.", "order")
    purpose = request.query_params.get("purpose")
    files, has_more = core.store.files.page(
        after=read_after(request),
        limit=read_limit(request, 10_000, 10_000),
        newest_first=order == "desc",
        where="json_extract(doc, '$.purpose') = ?" if purpose else "",
        args=(purpose,) if purpose else (),
    )
    return answer(show_list([show_file(f) for f in files if core.files.find(f.id)], has_more=has_more))


@router.get("/files/{file_id}")
async def retrieve(request: Request, file_id: str) -> Response:
    """One file."""
    return answer(show_file(_find(request, file_id)))


@router.delete("/files/{file_id}")
async def delete(request: Request, file_id: str) -> Response:
    """Remove a file and its content."""
    file = _find(request, file_id)
    state_of(request).core.files.delete(file.id)
    return answer({"id": file.id, "object": "file", "deleted": True})


@router.get("/files/{file_id}/content")
async def content(request: Request, file_id: str) -> Response:
    """Download a file's unchanged content."""
    file = _find(request, file_id)
    return FileResponse(
        state_of(request).core.files.path(file.id),
        media_type="application/octet-stream",
        filename=file.filename,
    )
