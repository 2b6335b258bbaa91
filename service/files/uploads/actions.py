"""Uploads in parts: sent in any order, resent if necessary, and joined without copying.

Each part is a stored object that is scheduled for deletion when the upload expires. Completing the upload
cancels that, and the new file refers to the objects in order. An upload that is never completed therefore
leaves nothing behind.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from service.core import clock, ids, storage
from service.core.db import transaction
from service.errors import Conflict, InvalidRequest, NotFound
from service.files import actions
from service.files.intake import Received
from service.files.reservations import release
from service.files.tables import File
from service.files.uploads.tables import Upload, UploadPart, UploadStatus
from service.teams.quotas.actions import Quota, require_room

MAX_BYTES = 8 * 2**30
MAX_PART_BYTES = 64 * 2**20
LIFETIME = storage.WRITE_LIMIT
_MAX_PARTS = 10_000


def create_upload(
    session: Session,
    *,
    team_id: str,
    filename: str,
    purpose: str,
    mime_type: str,
    size_bytes: int,
    format: str | None,
    file_expires_after: timedelta | None,
) -> Upload:
    """Create an upload, which expires after an hour; until then the announced size is set aside for it.

    Raises `QuotaExceeded` if its file has no room.
    """
    require_room(session, team_id, Quota.FILES)
    now = clock.now()
    upload = Upload(
        id=ids.new_id("upload_"),
        team_id=team_id,
        filename=filename,
        purpose=purpose,
        mime_type=mime_type,
        format=format,
        size_bytes=size_bytes,
        status=UploadStatus.PENDING,
        file_expires_after_s=round(file_expires_after.total_seconds()) if file_expires_after else None,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    session.add(upload)
    session.flush()
    require_room(session, team_id, Quota.STORAGE_BYTES, adding=size_bytes, inserted=True)
    return upload


def get_upload(session: Session, team_id: str, upload_id: str, *, lock: bool = False) -> Upload:
    """Return one of the team's uploads. Raises `NotFound`."""
    found = select(Upload).where(Upload.team_id == team_id, Upload.id == upload_id)
    if lock:
        found = found.with_for_update().execution_options(populate_existing=True)
    upload = session.scalar(found)
    if upload is None:
        raise NotFound(f"There is no upload {upload_id!r}.", param="upload_id")
    return upload


def status_of(upload: Upload) -> UploadStatus:
    """Return the current status of an upload."""
    status = UploadStatus(upload.status)
    over = status is UploadStatus.PENDING and upload.expires_at <= clock.now()
    return UploadStatus.EXPIRED if over else status


def check_pending(upload: Upload) -> None:
    """Raise `Conflict` unless the upload is pending."""
    status = status_of(upload)
    if status is not UploadStatus.PENDING:
        raise Conflict(f"{upload.id} is {status}; create another upload.", code=f"upload_{status}")


def add_part(session: Session, team_id: str, upload_id: str, received: Received) -> UploadPart:
    """Record a stored part. Raises `InvalidRequest`, `Conflict`, `NotFound`, `QuotaExceeded`."""
    wanted = received.fields.get("sha256")
    if wanted is not None and wanted.lower() != received.sha256:
        raise InvalidRequest(
            f"The received part has SHA-256 {received.sha256}, which differs from 'sha256'; send it again.",
            param="sha256",
            code="checksum_mismatch",
        )
    if not received.size_bytes:
        raise InvalidRequest("The part is empty.", param="data")
    upload = get_upload(session, team_id, upload_id, lock=True)
    check_pending(upload)
    _check_room(session, upload, received.size_bytes)
    release(session, [received.key])
    part = UploadPart(
        id=ids.new_id("part_"),
        upload_id=upload.id,
        storage_key=received.key,
        size_bytes=received.size_bytes,
        sha256=received.sha256,
        created_at=clock.now(),
    )
    session.add(part)
    session.flush()
    require_room(session, team_id, Quota.STORAGE_BYTES, adding=received.size_bytes, inserted=True)
    return part


def complete(team_id: str, upload_id: str, part_ids: Sequence[str], md5: str | None) -> tuple[Upload, File]:
    """Create a file from the parts, in that order; a repeated call returns the same file.

    Reads every byte once, outside a transaction, because the file's hash needs the bytes in order.
    Raises `InvalidRequest` if the parts do not make up the upload, `Conflict` if it has ended.
    """
    with transaction() as session:
        upload = get_upload(session, team_id, upload_id)
        if upload.file_id is not None:
            return upload, session.get_one(File, upload.file_id)
        check_pending(upload)
        parts = _in_order(session, upload, part_ids)
    sha256 = _hash(parts, md5)
    with transaction() as session:
        upload = get_upload(session, team_id, upload_id, lock=True)
        if upload.file_id is not None:
            return upload, session.get_one(File, upload.file_id)
        check_pending(upload)
        _forget_parts(session, upload, keep={part.storage_key for part in parts})
        upload.status = UploadStatus.COMPLETED  # from here on, the file takes the room that was set aside
        session.flush()
        expiry_s = upload.file_expires_after_s
        file = actions.create_file(
            session,
            team_id=team_id,
            filename=upload.filename,
            size_bytes=upload.size_bytes,
            sha256=sha256,
            storage_keys=[part.storage_key for part in parts],
            expires_after=timedelta(seconds=expiry_s) if expiry_s else None,
            format=upload.format,
        )
        upload.file_id = file.id
        return upload, file


def cancel(session: Session, upload: Upload) -> None:
    """Cancel a locked upload and schedule the deletion of its parts; idempotent. Raises `Conflict`."""
    if upload.status == UploadStatus.CANCELLED:
        return
    check_pending(upload)
    upload.status = UploadStatus.CANCELLED
    _forget_parts(session, upload, keep=set())


def _check_room(session: Session, upload: Upload, size_bytes: int) -> None:
    """Raise `InvalidRequest` if the parts, resent ones included, far exceed the announced size."""
    sums = select(func.count(), func.coalesce(func.sum(UploadPart.size_bytes), 0))
    count, stored_bytes = session.execute(sums.where(UploadPart.upload_id == upload.id)).one()
    if size_bytes > upload.size_bytes:
        raise InvalidRequest(
            f"The part is larger than the {upload.size_bytes} bytes announced.", param="data"
        )
    if count >= _MAX_PARTS or stored_bytes + size_bytes > 2 * upload.size_bytes + MAX_PART_BYTES:
        raise InvalidRequest(
            f"{upload.id} has received {stored_bytes} bytes in {count} parts, far more than the "
            f"{upload.size_bytes} announced; cancel it and create another upload.",
            param="data",
        )


def _in_order(session: Session, upload: Upload, part_ids: Sequence[str]) -> list[UploadPart]:
    found = session.scalars(select(UploadPart).where(UploadPart.upload_id == upload.id))
    by_id = {part.id: part for part in found}
    missing = [part_id for part_id in part_ids if part_id not in by_id]
    if missing:
        raise InvalidRequest(f"{upload.id} has no part {missing[0]!r}.", param="part_ids")
    if len(set(part_ids)) < len(part_ids):
        raise InvalidRequest("'part_ids' names a part twice.", param="part_ids")
    parts = [by_id[part_id] for part_id in part_ids]
    size_bytes = sum(part.size_bytes for part in parts)
    if size_bytes != upload.size_bytes:
        raise InvalidRequest(
            f"The parts have {size_bytes} bytes in total, but 'bytes' announced {upload.size_bytes}.",
            param="part_ids",
        )
    return parts


def _hash(parts: Sequence[UploadPart], md5: str | None) -> str:
    sha256 = hashlib.sha256()
    checked = hashlib.md5(usedforsecurity=False)  # OpenAI's checksum, against accidents only
    try:
        for part in parts:
            for chunk in storage.storage().read(part.storage_key):
                sha256.update(chunk)
                if md5 is not None:
                    checked.update(chunk)
    except FileNotFoundError as gone:
        raise Conflict("The upload has expired; create another upload.", code="upload_expired") from gone
    if md5 is not None and md5.lower() != checked.hexdigest():
        raise InvalidRequest(
            f"The parts have MD5 {checked.hexdigest()}, which differs from 'md5'.",
            param="md5",
            code="checksum_mismatch",
        )
    return sha256.hexdigest()


def _forget_parts(session: Session, upload: Upload, keep: set[str]) -> None:
    gone = delete(UploadPart).where(UploadPart.upload_id == upload.id).returning(UploadPart.storage_key)
    for key in session.scalars(gone).all():
        if key not in keep:
            storage.abandon(session, key)
