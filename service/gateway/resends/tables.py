"""The attempts of requests that may be sent again."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class InferenceAttempt(Base):
    """A request with an `Idempotency-Key`, or one whose caller left before its answer.

    `running` becomes `answered` with the answer's `body`, or `charged` if there is no answer to repeat. A
    request that costs nothing leaves no row, so it can be sent again.
    """

    __tablename__ = "inference_attempts"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    key_id: Mapped[str] = mapped_column(primary_key=True)
    mark: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    subject_id: Mapped[str]
    state: Mapped[str]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (
        CheckConstraint("state IN ('running', 'answered', 'charged')", name="state_known"),
        CheckConstraint("(state = 'answered') = (body IS NOT NULL)", name="answered_with_body"),
    )
