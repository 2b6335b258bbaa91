"""Routes that create files from other files."""

from pathlib import PurePosixPath

import msgspec
from fastapi import APIRouter

from service.core.http.web import RequestSession
from service.files.derived import actions as deriving
from service.files.derived.schemas import Convert, Split, SplitOut
from service.files.queries import get_file
from service.files.schemas import FileOut, file_out
from service.teams.access import Trainer
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/files", tags=["files"], route_class=IdempotentRoute)


@router.post("/{file_id}/convert")
def convert_file(file_id: str, body: Convert, session: RequestSession, caller: Trainer) -> FileOut:
    """Create a new file from this one: in another format, from a table, or cleaned. This file stays."""
    source = get_file(session, caller.team, file_id)
    (file,) = deriving.order(
        session,
        team_id=caller.team,
        source_id=source.id,
        kind=deriving.CONVERSION,
        options=msgspec.to_builtins(body.options()),
        filenames=[body.filename or _named(source.filename, body.format or "converted")],
        format=body.format,
    )
    return file_out(file)


@router.post("/{file_id}/split")
def split_file(file_id: str, body: Split, session: RequestSession, caller: Trainer) -> SplitOut:
    """Split a file into a training and a validation file; near-duplicates go to the same one."""
    source = get_file(session, caller.team, file_id)
    training, validation = deriving.order(
        session,
        team_id=caller.team,
        source_id=source.id,
        kind=deriving.SPLIT,
        options=body.model_dump(),
        filenames=[_named(source.filename, part) for part in ("train", "validation")],
        format=source.format,
    )
    return SplitOut(source=source.id, training_file=file_out(training), validation_file=file_out(validation))


def _named(filename: str, what: str) -> str:
    stem = PurePosixPath(filename).name.removesuffix(".jsonl")
    return f"{stem[:200]}.{what}.jsonl"
