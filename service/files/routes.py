"""Routes for files. The upload route authenticates before it reads the body."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from service.core.http.pages import ListOut, Order, list_fields
from service.core.http.web import RequestSession, Route, as_file, as_text, rendered
from service.dataset.formats.detect import FORMATS
from service.errors import NotFound
from service.files import actions, creating, queries
from service.files.downloads import asked_part, disposition
from service.files.form import described
from service.files.intake import receive
from service.files.schemas import FileDeleted, FileOut, file_fields, file_out
from service.files.tables import Purpose
from service.settings import settings
from service.teams import idempotency
from service.teams.access import Reader, Trainer

router = APIRouter(prefix="/v1/files", tags=["files"], route_class=Route)

_FORM = described(
    ["file", "purpose"],
    {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "The dataset: JSONL, JSON, CSV, TSV, Parquet or .xlsx, also as .gz or .zst.",
        },
        "purpose": {
            "type": "string",
            "enum": [Purpose.FINE_TUNE.value],
            "description": "What the file is for.",
        },
        "format": {
            "type": "string",
            "enum": list(FORMATS),
            "description": "The dataset format. Leave it out to detect it.",
        },
        "expires_after[anchor]": {
            "type": "string",
            "enum": ["created_at"],
            "description": "What the seconds count from: the file's creation.",
        },
        "expires_after[seconds]": {
            "type": "integer",
            "description": "Seconds until the file is deleted. Leave both fields out to keep it.",
            "minimum": creating.MIN_EXPIRY_S,
            "maximum": creating.MAX_EXPIRY_S,
        },
    },
)


@router.post("", openapi_extra=_FORM, response_model=FileOut)
async def create_file(request: Request, caller: Trainer) -> Response:
    """Upload a training file. It is checked in the background; see its report."""
    team_id, key = caller.team, idempotency.key_of(request)
    limit_bytes = settings().max_file_bytes
    may_repeat = await run_in_threadpool(creating.check_room, request, caller.key_id, key, team_id)
    async with receive(
        request,
        team_id=team_id,
        file_field="file",
        fields=creating.FIELDS,
        limit_bytes=limit_bytes,
        may_repeat=may_repeat,
    ) as received:
        wanted = creating.read_form(received)
        return await run_in_threadpool(creating.create, request, caller.key_id, key, team_id, wanted)


@router.get("", response_model=ListOut[FileOut])
def list_files(
    session: RequestSession,
    caller: Reader,
    purpose: Annotated[str | None, Query(description="Only files for this purpose.")] = None,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Order = "desc",
) -> Response:
    """List the team's files, newest first by default."""
    page = queries.list_files(session, caller.team, purpose=purpose, after=after, limit=limit, order=order)
    return rendered(list_fields([file_fields(file) for file in page.rows], page.has_more))


@router.get("/{file_id}")
def retrieve_file(file_id: str, session: RequestSession, caller: Reader) -> FileOut:
    """Get a file."""
    return file_out(queries.get_file(session, caller.team, file_id))


def delete_file(file_id: str, session: RequestSession, caller: Trainer) -> FileDeleted:
    """Delete a file and its bytes. Models trained on it keep its hash. Refused while a job uses it."""
    actions.delete_file(session, caller.team, file_id)
    return FileDeleted(id=file_id)


# Not the router's own class: that would read an upload whole to compare it under its Idempotency-Key.
router.add_api_route(
    "/{file_id}", delete_file, methods=["DELETE"], route_class_override=idempotency.IdempotentRoute
)


@router.get(
    "/{file_id}/content",
    response_class=Response,
    responses={
        **as_file("application/octet-stream"),
        206: {"description": "The part that was asked for.", "content": as_text("application/octet-stream")},
    },
)
def download_file(
    file_id: str,
    session: RequestSession,
    caller: Reader,
    range_: Annotated[
        str | None, Header(alias="range", description="The part to return, as `bytes=0-1023`.")
    ] = None,
    if_range: Annotated[
        str | None,
        Header(description="Return the part only if the file still has this ETag, else all of it."),
    ] = None,
) -> StreamingResponse:
    """Download a file's bytes as uploaded; with `Range`, a part of them."""
    file = queries.get_file(session, caller.team, file_id)
    content = queries.find_content(session, file)
    if content is None:
        raise NotFound(f"The content of {file_id} has been deleted.", param="file_id")
    etag = f'"{file.sha256}"'
    part = asked_part(range_ if if_range in (None, etag) else None, content.size_bytes)
    start, end = part or (0, content.size_bytes)
    headers = {
        "content-length": str(end - start),
        "content-disposition": disposition(file.filename),
        "accept-ranges": "bytes",
        "etag": etag,
    }
    if part:
        headers["content-range"] = f"bytes {start}-{end - 1}/{content.size_bytes}"
    return StreamingResponse(
        queries.stream(content, start, end),
        status_code=HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK,
        media_type="application/octet-stream",
        headers=headers,
    )


@router.get("/{file_id}/errors", response_class=Response, responses=as_file("application/x-ndjson"))
def download_errors(file_id: str, session: RequestSession, caller: Reader) -> StreamingResponse:
    """Download all errors of a file's check, one JSON object per line; the report lists the first ones."""
    file = queries.get_file(session, caller.team, file_id)
    headers = {"content-disposition": disposition(f"{file.filename}.errors.jsonl")}
    return StreamingResponse(queries.stream_errors(file), media_type="application/x-ndjson", headers=headers)
