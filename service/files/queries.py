"""Read files, their reports and their bytes."""

from collections.abc import Iterator

import msgspec
from sqlalchemy import BindParameter, Select, func, or_, select
from sqlalchemy.orm import Session

from service.core.http.pages import Order, Page, fetch_page
from service.core.storage import storage
from service.dataset.report import CheckReport
from service.errors import Conflict, NotFound
from service.files.tables import Content, File, FileStatus, Purpose, Reservation
from service.files.uploads.tables import Upload, UploadPart, UploadStatus
from service.teams.quotas.actions import Quota, counted_by


def living(team_id: str | BindParameter[str]) -> Select[File]:
    """Select a team's files that are neither deleted nor expired."""
    unexpired = or_(File.expires_at.is_(None), File.expires_at > func.now())
    return select(File).where(File.team_id == team_id, File.deleted_at.is_(None), unexpired)


def get_file(session: Session, team_id: str, file_id: str, *, lock: bool = False) -> File:
    """Return one of the team's files; `lock` prevents changes and deletion by others. Raises `NotFound`."""
    found = living(team_id).where(File.id == file_id)
    if lock:
        found = found.with_for_update().execution_options(populate_existing=True)
    file = session.scalar(found)
    if file is None:
        raise NotFound(f"There is no file {file_id!r}.", param="file_id")
    return file


# What `file_fields` shows; a report can be a thousand times as long.
SHOWN = (
    File.id,
    File.size_bytes,
    File.created_at,
    File.expires_at,
    File.filename,
    File.purpose,
    File.status,
    File.status_details,
    File.format,
)


def list_files(
    session: Session,
    team_id: str,
    *,
    purpose: str | None,
    after: str | None,
    limit: int,
    order: Order,
    name: str = "",
) -> Page[File]:
    """Return a page of the team's files whose names contain `name`, with the columns in `SHOWN`.

    Raises `NotFound` for an unknown cursor.
    """
    own = living(team_id)
    if name:
        own = own.where(File.filename.icontains(name, autoescape=True))
    if purpose is not None:
        own = own.where(File.purpose == purpose)
    return fetch_page(
        session,
        own,
        sort=File.created_at,
        id_=File.id,
        after=after,
        limit=limit,
        order=order,
        cursors=select(File).where(File.team_id == team_id),
        columns=SHOWN,
    )


def count_files(session: Session, team_id: str) -> int:
    """Return the number of the team's training files."""
    own = living(team_id).where(File.purpose == Purpose.FINE_TUNE)
    return session.scalar(own.with_only_columns(func.count())) or 0


def stored_bytes(session: Session, team_id: str) -> int:
    """Return the bytes of the team's files in storage, and those set aside for what is not complete yet.

    Equal contents count once, result files do not count. An unfinished upload counts with the size that it
    announced, or with its parts, those on their way included, if they are more.
    """
    own = Content.team_id == team_id, Content.inline.is_(None)
    files = select(func.sum(Content.size_bytes)).where(*own).scalar_subquery()
    unended = or_(Reservation.ends_at.is_(None), Reservation.ends_at >= func.now())
    reserved = select(func.sum(Reservation.size_bytes)).where(Reservation.team_id == team_id, unended)
    alone = reserved.where(Reservation.upload_id.is_(None)).scalar_subquery()
    arriving = reserved.where(Reservation.upload_id == Upload.id).scalar_subquery()
    parts = select(func.sum(UploadPart.size_bytes)).where(UploadPart.upload_id == Upload.id).scalar_subquery()
    of_parts = func.coalesce(parts, 0) + func.coalesce(arriving, 0)
    uploads = select(func.sum(func.greatest(Upload.size_bytes, of_parts))).where(
        Upload.team_id == team_id, Upload.status == UploadStatus.PENDING, Upload.expires_at > func.now()
    )
    sums = (files, alone, uploads.scalar_subquery())
    return sum(int(found or 0) for found in session.execute(select(*sums)).one())


counted_by(Quota.FILES, count_files)
counted_by(Quota.STORAGE_BYTES, stored_bytes)


def report_of(file: File) -> CheckReport:
    """Return the report of a file's check.

    Raises `Conflict` while it is still being checked, `NotFound` for files that are never checked.
    """
    if file.report is not None:
        return msgspec.convert(file.report, CheckReport)
    if file.status == FileStatus.UPLOADED:
        raise Conflict(f"{file.id} is still being checked; ask again soon.", code="file_not_processed")
    raise NotFound(f"{file.id} has no report: {file.status_details or 'only training files do'}.")


def find_content(session: Session, file: File) -> Content | None:
    """Return a file's content; None if it is deleted and none of the team's files has the same."""
    return session.get(Content, (file.team_id, file.sha256))


def stream(content: Content, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield a content's bytes from `start` to before `end`, in chunks of at most 1 MiB, without a session.

    Raises `FileNotFoundError`.
    """
    if content.inline is not None:
        yield content.inline[start:end]
        return
    left = (content.size_bytes if end is None else end) - start
    for key in content.storage_keys:
        if start and start >= (size := storage().size(key)):
            start -= size
            continue
        for chunk in storage().read(key, start):
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return
        start = 0


def stream_errors(file: File) -> Iterator[bytes]:
    """Return all errors of a file's check, one JSON object per line. Raises what `report_of` raises."""
    report = report_of(file)
    if file.errors_key is not None:
        return storage().read(file.errors_key)
    return iter([msgspec.json.encode(error) + b"\n" for error in report.errors])
