"""Record attempts of requests, and find earlier ones."""

from datetime import timedelta
from typing import Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, delete, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from service.core import clock
from service.core.prune import prune
from service.gateway.resends.tables import InferenceAttempt

# The SDK waits 600 s for an answer, three times by default.
KEPT_FOR = timedelta(hours=1)

State = Literal["running", "answered", "charged"]


class AttemptId(Struct, frozen=True):
    """The caller and mark of a request, and the subject that this attempt is charged as."""

    team_id: str
    key_id: str
    mark: bytes
    fingerprint: bytes
    subject_id: str


def find(session: Session, attempt: AttemptId) -> InferenceAttempt | None:
    """Return the latest attempt recorded with this mark."""
    return session.get(InferenceAttempt, (attempt.team_id, attempt.key_id, attempt.mark))


def claim(session: Session, attempt: AttemptId) -> InferenceAttempt | None:
    """Record this attempt as running, and return None; or return the earlier one with this mark."""
    claimed = _running(attempt).on_conflict_do_nothing().returning(InferenceAttempt.subject_id)
    return find(session, attempt) if session.scalar(claimed) is None else None


def note(session: Session, attempt: AttemptId) -> None:
    """Record this attempt as running, in place of an earlier one with the same content."""
    row = _running(attempt)
    changed = {name: row.excluded[name] for name in ("subject_id", "state", "body", "created_at")}
    session.execute(row.on_conflict_do_update(index_elements=["team_id", "key_id", "mark"], set_=changed))


def _running(attempt: AttemptId) -> Insert:
    values = {name: getattr(attempt, name) for name in attempt.__struct_fields__}
    return insert(InferenceAttempt).values(**values, state="running", created_at=clock.now())


def _is_own(attempt: AttemptId) -> tuple[ColumnElement[bool], ...]:
    return (
        InferenceAttempt.team_id == attempt.team_id,
        InferenceAttempt.key_id == attempt.key_id,
        InferenceAttempt.mark == attempt.mark,
        InferenceAttempt.subject_id == attempt.subject_id,
    )


def end(session: Session, attempt: AttemptId, state: State, body: bytes | None = None) -> None:
    """Record how this attempt ended."""
    session.execute(update(InferenceAttempt).where(*_is_own(attempt)).values(state=state, body=body))


def forget(session: Session, attempt: AttemptId) -> None:
    """Delete this attempt, so that the request can be sent again."""
    session.execute(delete(InferenceAttempt).where(*_is_own(attempt)))


def forget_content(session: Session, attempt: AttemptId) -> None:
    """Delete what is recorded with this attempt's mark, whichever attempt it was."""
    found = find(session, attempt)
    if found is not None:
        session.delete(found)


def forget_old(session: Session, limit: int) -> int:
    """Delete up to `limit` attempts older than `KEPT_FOR`; returns how many."""
    return prune(session, InferenceAttempt.created_at, KEPT_FOR, limit)
