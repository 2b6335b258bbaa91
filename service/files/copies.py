"""Copies of contents at providers, at most one per content and provider."""

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock, work
from service.files.tables import File, FileCopy

REMOVE = "file.remove_copy"  # the unit of work that deletes a copy at its provider


def find_copy(session: Session, file: File, provider: str) -> FileCopy | None:
    """Return the copy of a file's content at a provider; the team's other files with it share the copy."""
    return session.get(FileCopy, (file.team_id, file.sha256, provider))


def is_taken(session: Session, file: File, provider: str, provider_file_id: str) -> bool:
    """Return whether a provider's file is already recorded as the copy of another content.

    Two contents must not share a copy: a job would train on the wrong data, and deleting one would delete
    both.
    """
    same = FileCopy.provider == provider, FileCopy.provider_file_id == provider_file_id
    others = or_(FileCopy.team_id != file.team_id, FileCopy.sha256 != file.sha256)
    return session.scalar(select(FileCopy.sha256).where(*same, others).limit(1)) is not None


def record_copy(session: Session, file: File, provider: str, provider_file_id: str) -> FileCopy:
    """Record a copy, and return the one to use.

    If another was recorded in the meantime, that one is returned, and the deletion of ours at the provider
    is scheduled.
    """
    values = {
        "team_id": file.team_id,
        "sha256": file.sha256,
        "provider": provider,
        "provider_file_id": provider_file_id,
        "created_at": clock.now(),
    }
    session.execute(insert(FileCopy).values(values).on_conflict_do_nothing())
    session.flush()
    key = (file.team_id, file.sha256, provider)
    copy = session.get_one(FileCopy, key, populate_existing=True)
    if copy.provider_file_id != provider_file_id:
        _order_removal(session, copy, provider_file_id)
    return copy


def forget_copy(session: Session, copy: FileCopy) -> None:
    """Forget a copy that its provider no longer has, unless another has replaced it."""
    gone = delete(FileCopy).where(
        FileCopy.team_id == copy.team_id,
        FileCopy.sha256 == copy.sha256,
        FileCopy.provider == copy.provider,
        FileCopy.provider_file_id == copy.provider_file_id,
    )
    session.execute(gone)


def order_removal(session: Session, copy: FileCopy) -> None:
    """Schedule the deletion of a copy at its provider, for when nothing uses it."""
    _order_removal(session, copy, copy.provider_file_id)


def order_removal_of_content(session: Session, team_id: str, sha256: str) -> None:
    """Schedule the deletion of all copies of a content that the team has deleted."""
    for copy in session.scalars(
        select(FileCopy).where(FileCopy.team_id == team_id, FileCopy.sha256 == sha256)
    ):
        order_removal(session, copy)


def _order_removal(session: Session, copy: FileCopy, provider_file_id: str) -> None:
    subject = {
        "provider": copy.provider,
        "team_id": copy.team_id,
        "sha256": copy.sha256,
        "provider_file_id": provider_file_id,
    }
    work.schedule(session, REMOVE, subject, team_id=copy.team_id)
