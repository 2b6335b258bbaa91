"""Create and delete files, and protect those that something uses."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock, ids, storage, work
from service.dataset.report import CheckReport
from service.errors import Conflict, NotFound
from service.events.actions import append
from service.events.types import EventType
from service.files.copies import order_removal_of_content
from service.files.queries import get_file
from service.files.reservations import release
from service.files.storing import Stored, keep_stored
from service.files.tables import Content, ContentRows, File, FileStatus, FileUse, Purpose, TokenCount
from service.teams.quotas.actions import Quota, require_room

CHECK = "file.check"  # the unit of work that reads a file and writes its report
EXPIRE = "file.expire"  # the unit of work that deletes an expired file


def create_file(
    session: Session,
    *,
    team_id: str,
    filename: str,
    size_bytes: int,
    sha256: str,
    storage_keys: list[str],
    expires_after: timedelta | None = None,
    format: str | None = None,
) -> File:
    """Create a training file from stored bytes, and schedule its check.

    Without `format`, the check detects the format from the content. Bytes that the team already has are
    stored once. Raises `QuotaExceeded`, and `Conflict` when the stored bytes have expired and are being
    deleted.
    """
    release(session, storage_keys)
    require_room(session, team_id, Quota.FILES)
    if session.get(Content, (team_id, sha256)) is None:
        require_room(session, team_id, Quota.STORAGE_BYTES, adding=size_bytes)
    kept = _own_content(session, team_id, sha256, size_bytes, storage_keys, None)
    for key in storage_keys:
        if kept != storage_keys:
            storage.abandon(session, key)
        elif not storage.keep(session, key):
            raise Conflict("The upload took too long; send the file again.", code="upload_expired")
    now = clock.now()
    expires_at = now + expires_after if expires_after else None
    file = _new_file(team_id, Purpose.FINE_TUNE, filename, size_bytes, sha256, now, expires_at)
    file.format = format
    session.add(file)
    session.flush()
    work.schedule(session, CHECK, file.id, team_id=file.team_id)
    if expires_after:
        work.schedule(session, EXPIRE, file.id, delay=expires_after, team_id=team_id)
    return file


def empty_file(session: Session, team_id: str, filename: str, format: str | None) -> File:
    """Create a training file without content, for a worker to fill with `give_content`."""
    file = _new_file(team_id, Purpose.FINE_TUNE, filename, 0, "", clock.now(), None)
    # A value that no hash can equal, so that no other file seems to have the same content.
    file.sha256, file.format = f"none-{file.id}", format
    session.add(file)
    session.flush()
    return file


def give_content(session: Session, file: File, stored: Stored) -> None:
    """Replace the content of a locked file. Raises `QuotaExceeded` if there is no room for a larger one."""
    before, more_bytes = file.sha256, stored.size_bytes - file.size_bytes
    keys = [stored.key]
    kept = _own_content(session, file.team_id, stored.sha256, stored.size_bytes, keys, None)
    if kept == keys:
        keep_stored(session, stored)
    else:
        storage.abandon(session, stored.key)
    file.sha256, file.size_bytes = stored.sha256, stored.size_bytes
    session.flush()
    if before != stored.sha256:
        _disown_content(session, file.team_id, before)
        session.flush()
    if more_bytes > 0:
        require_room(
            session, file.team_id, Quota.STORAGE_BYTES, adding=more_bytes, inserted=True, archived=True
        )


def order_check(session: Session, file: File) -> None:
    """Schedule the check of a file that has its content."""
    work.schedule(session, CHECK, file.id, team_id=file.team_id)


def create_result_file(session: Session, team_id: str, filename: str, content: bytes) -> File:
    """Create a job's result file. It is `processed` at once, and its bytes are kept in the database."""
    sha256 = hashlib.sha256(content).hexdigest()
    _own_content(session, team_id, sha256, len(content), [], content)
    file = _new_file(team_id, Purpose.RESULTS, filename, len(content), sha256, clock.now(), None)
    file.status = FileStatus.PROCESSED
    session.add(file)
    session.flush()
    return file


def delete_file(session: Session, team_id: str, file_id: str) -> File:
    """Delete a file, and its bytes unless another file of the team has the same content.

    The row stays, with the hash. Raises `NotFound`, and `Conflict` while something uses the file.
    """
    file = get_file(session, team_id, file_id, lock=True)
    remove_file(session, file)
    return file


def remove_file(session: Session, file: File) -> None:
    """Delete a locked file. Raises `Conflict` while something uses it."""
    needed_by = session.scalars(select(FileUse.used_by).where(FileUse.file_id == file.id)).all()
    if needed_by:
        raise Conflict(
            f"{file.id} is in use by {', '.join(sorted(needed_by))}; cancel it or wait until it ends.",
            code="file_in_use",
        )
    file.deleted_at = clock.now()
    if file.errors_key is not None:
        storage.doom(session, file.errors_key)
        file.errors_key = None
    session.flush()
    _disown_content(session, file.team_id, file.sha256)
    append(session, team_id=file.team_id, subject_id=file.id, type=EventType.FILE_DELETED)
    work.cancel(session, CHECK, file.id)
    work.cancel(session, EXPIRE, file.id)


def record_report(
    session: Session,
    file: File,
    report: CheckReport,
    as_json: dict[str, object],
    all_errors: Stored | None = None,
) -> None:
    """Store the report of a check. The file becomes `processed` if it passed, else `error`."""
    file.report = as_json
    # Without the full list if writing it took so long that it has expired.
    if all_errors is not None and storage.keep(session, all_errors.key):
        file.errors_key = all_errors.key
    file.format = report.format
    if report.passed:
        file.status, file.status_details = FileStatus.PROCESSED, None
        message = f"{file.filename}: {report.examples} examples, {report.tokens.total} tokens"
        _append_event(session, file, EventType.FILE_PROCESSED, message)
        return
    more = f" (and {report.error_count - 1} more)" if report.error_count > 1 else ""
    fail_file(session, file, f"{report.errors[0]}{more}")


def fail_file(session: Session, file: File, reason: str) -> None:
    """Mark a file as unusable for training."""
    file.status, file.status_details = FileStatus.ERROR, reason
    _append_event(session, file, EventType.FILE_FAILED, f"{file.filename}: {reason}")


def mark_used(session: Session, *file_ids: str, used_by: str) -> None:
    """Protect files from deletion until `unmark_used`. Raises `NotFound` if one is already deleted."""
    living = select(File.id, literal(used_by)).where(File.id.in_(file_ids), File.deleted_at.is_(None))
    locked = living.order_by(File.id).with_for_update(read=True)
    use = insert(FileUse).from_select(["file_id", "used_by"], locked)
    again = use.on_conflict_do_update(index_elements=["file_id", "used_by"], set_={"used_by": used_by})
    marked = session.scalars(again.returning(FileUse.file_id)).all()
    for file_id in file_ids:
        if file_id not in marked:
            raise NotFound(f"There is no file {file_id!r}.")


def unmark_used(session: Session, *, file_id: str, used_by: str) -> None:
    """Remove the protection that `mark_used` gave for `used_by`; safe to call twice."""
    session.execute(delete(FileUse).where(FileUse.file_id == file_id, FileUse.used_by == used_by))


def _new_file(
    team_id: str,
    purpose: Purpose,
    filename: str,
    size_bytes: int,
    sha256: str,
    created_at: datetime,
    expires_at: datetime | None,
) -> File:
    return File(
        id=ids.new_id("file-"),
        team_id=team_id,
        purpose=purpose.value,
        filename=filename,
        size_bytes=size_bytes,
        sha256=sha256,
        status=FileStatus.UPLOADED,
        created_at=created_at,
        expires_at=expires_at,
    )


def _own_content(
    session: Session,
    team_id: str,
    sha256: str,
    size_bytes: int,
    storage_keys: list[str],
    inline: bytes | None,
) -> list[str]:
    """Record that the team owns these bytes, lock their row, and return the storage keys in use."""
    row = insert(Content).values(
        team_id=team_id,
        sha256=sha256,
        size_bytes=size_bytes,
        storage_keys=storage_keys,
        inline=inline,
        created_at=clock.now(),
    )
    # The update locks an existing row, so that the deletion of its last file waits until ours is added.
    same = row.on_conflict_do_update(
        index_elements=["team_id", "sha256"], set_={"size_bytes": row.excluded.size_bytes}
    )
    kept: list[str] = session.execute(same.returning(Content.storage_keys)).scalar_one()
    return kept


def _disown_content(session: Session, team_id: str, sha256: str) -> None:
    held = select(Content).where(Content.team_id == team_id, Content.sha256 == sha256).with_for_update()
    content = session.scalar(held)
    same = File.team_id == team_id, File.sha256 == sha256, File.deleted_at.is_(None)
    if content is None or session.scalar(select(File.id).where(*same).limit(1)) is not None:
        return
    for key in content.storage_keys:
        storage.doom(session, key)
    order_removal_of_content(session, team_id, sha256)
    session.delete(content)
    for known in (ContentRows, TokenCount):
        session.execute(delete(known).where(known.team_id == team_id, known.sha256 == sha256))


def _append_event(session: Session, file: File, type_: EventType, message: str) -> None:
    append(
        session,
        team_id=file.team_id,
        subject_id=file.id,
        type=type_,
        message=message,
        level="error" if type_ == EventType.FILE_FAILED else "info",
        data={"id": file.id},
    )
